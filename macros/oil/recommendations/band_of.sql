{#- The band of a fact's number, by the seed `pattern_bands`. It is `unknown` if the number is null. -#}
{% macro band_of(fact, number) -%}
    coalesce(
        (
            select arg_max(bands.band, bands.at_least)
            from {{ ref('pattern_bands') }} as bands
            where bands.fact = '{{ fact }}' and bands.at_least <= {{ number }}
        ),
        'unknown'
    )
{%- endmacro %}
