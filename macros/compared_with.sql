{#-
  Value with which a condition of an expert rule compares a fact: a number, or the group's median, the previous sample or
  another essay, times a factor, plus a number. Null for a median or previous value of 0: it gives no proportion.
-#}
{% macro compared_with() -%}
    case
        when conditions.base is null then conditions.addend
        when conditions.base = 'other' then others.value * conditions.factor
        when conditions.base = 'median' and facts.group_median > 0
            then facts.group_median * conditions.factor + coalesce(conditions.addend, 0)
        when conditions.base = 'previous' and facts.previous_value > 0
            then facts.previous_value * conditions.factor + coalesce(conditions.addend, 0)
    end
{%- endmacro %}
