{#- A name in the form for comparisons: lower case, without accents, one space between words. -#}
{% macro plain_name(name) -%}
    trim(regexp_replace(strip_accents(lower({{ name }})), '[^a-z0-9]+', ' ', 'g'))
{%- endmacro %}
