{#- One breach as JSON text, spaced as the published contract has always had it. -#}
{% macro breach_json(essay, value, band, limit_value, points) -%}
    concat(
        '{"essay": ', to_json({{ essay }}), ', "value": ', coalesce(to_json({{ value }}), 'null'),
        ', "threshold": ', to_json({{ band }}), ', "limit": ', coalesce(to_json({{ limit_value }}), 'null'),
        ', "points": ', {{ points }}, '}'
    )
{%- endmacro %}

{#- One essay of a report as a JSON member: its status, points and the threshold it breached. -#}
{% macro essay_status_json(essay, status, limit_value, points) -%}
    concat(
        to_json({{ essay }}), ': {"status": ', to_json({{ status }}), ', "points": ', {{ points }},
        ', "threshold": ', coalesce(to_json({{ limit_value }}), 'null'), '}'
    )
{%- endmacro %}
