{#- A phrase in lower case as a sentence. -#}
{% macro sentence_of(phrase) -%}
    concat(upper(left({{ phrase }}, 1)), substr({{ phrase }}, 2), '.')
{%- endmacro %}
