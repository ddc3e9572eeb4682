{#- Whether a text has few enough words. A recommendation has at most 150. Twenty are kept for the doubt that another
    sample of the same oil may raise later. -#}
{% macro short_enough(text) -%}
    len(regexp_extract_all({{ text }}, '\S+')) <= 130
{%- endmacro %}
