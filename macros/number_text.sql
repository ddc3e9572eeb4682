{#- A number as people read it: as many decimals as the laboratory gave, with the decimal sign of the language. -#}
{% macro number_text(number, sign) -%}
    replace(regexp_replace(cast({{ number }} as varchar), '[.]0$', ''), '.', {{ sign }})
{%- endmacro %}
