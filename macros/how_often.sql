{#-
  How often a base is contained in a number; the other way round where `is_low` holds. Infinite where what it is divided
  by is 0, null where either is not known or both are 0.
-#}
{% macro how_often(base, number, is_low='false') -%}
    case
        when {{ base }} is null or {{ number }} is null or ({{ base }} = 0 and {{ number }} = 0) then null
        when {{ is_low }} then {{ base }} / {{ number }}
        else {{ number }} / {{ base }}
    end
{%- endmacro %}
