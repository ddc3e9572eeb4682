{#-
  A number divided by a base, or the base divided by the number if `is_low` holds. Infinite if the divisor is 0, null if
  either is null or both are 0.
-#}
{% macro how_often(base, number, is_low='false') -%}
    case
        when {{ base }} is null or {{ number }} is null or ({{ base }} = 0 and {{ number }} = 0) then null
        when {{ is_low }} then {{ base }} / {{ number }}
        else {{ number }} / {{ base }}
    end
{%- endmacro %}
