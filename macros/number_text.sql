{#- A number as people read it: as many decimals as the laboratory gave, with the decimal sign of the language. -#}
{% macro number_text(number) -%}
    replace(regexp_replace(cast({{ number }} as varchar), '[.]0$', ''), '.', decimal_sign.sign)
{%- endmacro %}
