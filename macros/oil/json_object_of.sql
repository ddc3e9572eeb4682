{#- The rows of a group as one JSON object, with its members in the order of their names. -#}
{% macro json_object_of(name, value) -%}
    '{' || array_to_string(list_sort(list(concat(to_json({{ name }}), ':', to_json({{ value }})))), ',') || '}'
{%- endmacro %}
