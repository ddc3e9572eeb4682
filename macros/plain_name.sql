{#- Lower case, without accents, one space between words: the form in which names are compared. -#}
{% macro plain_name(name) -%}
    trim(regexp_replace(strip_accents(lower({{ name }})), '[^a-z0-9]+', ' ', 'g'))
{%- endmacro %}
