{#- A phrase such as `Plazo: {days} días.` with its words in braces replaced, each by an expression. -#}
{% macro filled_phrase(phrase, words) -%}
    {%- set said = namespace(sql=phrase) -%}
    {%- for word, expression in words.items() -%}
        {%- set said.sql = "replace(" ~ said.sql ~ ", '{" ~ word ~ "}', " ~ expression ~ ")" -%}
    {%- endfor -%}
    {{ said.sql }}
{%- endmacro %}
