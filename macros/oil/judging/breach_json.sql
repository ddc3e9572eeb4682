{#- One breach as JSON text, with the spaces of the published contract. -#}
{% macro breach_json(essay, value, band, limit_value, points) -%}
    concat(
        '{"essay": ', to_json({{ essay }}), ', "value": ', coalesce(to_json({{ value }}), 'null'),
        ', "threshold": ', to_json({{ band }}), ', "limit": ', coalesce(to_json({{ limit_value }}), 'null'),
        ', "points": ', {{ points }}, '}'
    )
{%- endmacro %}
