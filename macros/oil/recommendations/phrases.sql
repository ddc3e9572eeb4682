{#- One row with phrases of a recommendation as columns: `report.seen` becomes report_seen. -#}
{% macro phrases(text_ids) -%}
    select
        {% for text_id in text_ids -%}
            any_value(text) filter (where text_id = '{{ text_id }}') as {{ text_id | replace('.', '_') }}
            {{- ',' if not loop.last }}
        {% endfor -%}
    from {{ ref('texts') }} -- noqa: LT02
{%- endmacro %}
