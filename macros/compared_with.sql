{#-
  The value that a condition of an expert rule compares a fact with: a number, or the group's median, the sample before
  or another essay, times a factor, plus a number. A base of 0 says nothing about proportions.
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
