{% macro in_units(value) -%} {{ value }} * units.factor {%- endmacro %}
