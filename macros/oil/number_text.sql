{#- A number as text, with the laboratory's decimals and the decimal sign of the language. -#}
{% macro number_text(number, sign) -%}
    replace(regexp_replace(cast({{ number }} as varchar), '[.]0$', ''), '.', {{ sign }})
{%- endmacro %}
