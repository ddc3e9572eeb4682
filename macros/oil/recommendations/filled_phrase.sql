{#- A phrase such as `Plazo: {days} días.`, in which expressions replace the words in braces. -#}
{% macro filled_phrase(phrase, words) -%}
    {%- set said = namespace(sql=phrase) -%}
    {%- for word, expression in words.items() -%}
        {%- set said.sql = "replace(" ~ said.sql ~ ", '{" ~ word ~ "}', " ~ expression ~ ")" -%}
    {%- endfor -%}
    {{ said.sql }}
{%- endmacro %}
