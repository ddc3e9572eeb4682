{#- The normal form of a unit, without brackets around it: `(ppm)` and `[ppm]` are ppm. -#}
{% macro unit_form(unit) -%}
    normal_form(regexp_replace({{ unit }}, '^\s*[(\[](.*)[)\]]\s*$', '\1'))
{%- endmacro %}
