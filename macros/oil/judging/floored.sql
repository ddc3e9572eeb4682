{#- A limit of percentiles, no milder than its floor: the `greatest` of both, or downwards the `least`. -#}
{% macro floored(side, limit, floor) -%}
    {%- set rounded = 'round(' ~ floor ~ " * case when floors.relative_to = 'median' then limits.p50 else 1 end, 6)" -%}
    case
        when {{ limit }} is not null
            then {{ side }}({{ limit }}, {{ rounded }})
    end
{%- endmacro %}

{#- Whether a floor puts a value into a milder band than the percentiles do. -#}
{% macro is_made_milder_by_a_floor() -%}
    {% for band in ['normal', 'alert', 'critic'] -%}
        coalesce(value >= percentile_{{ band }} and value < threshold_{{ band }}, false)
        or coalesce(value <= lower_percentile_{{ band }} and value > lower_{{ band }}, false)
        {%- if not loop.last %} or {% endif %}
    {% endfor %}
{%- endmacro %}
