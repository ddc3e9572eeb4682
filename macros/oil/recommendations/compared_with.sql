{#-
  Value with which a condition of an expert rule compares a fact: a number, or the group's median, the previous sample,
  the same oil in other compartments or another fact, times a factor, plus a number. A ratio of two facts is compared
  with that ratio in the previous sample.
  Null for a median or previous value of 0: it gives no proportion. `←0` asks for it.
-#}
{% macro compared_with() -%}
    case
        when conditions.base is null then conditions.addend
        when conditions.base = 'other' then others.value * conditions.factor
        when conditions.base = 'median' and facts.group_median > 0
            then facts.group_median * conditions.factor + coalesce(conditions.addend, 0)
        -- With each of the other compartments. Where they have 0, everything is more.
        when conditions.base = 'same oil'
            then
                if(conditions.test = '≥', facts.same_oil_high, facts.same_oil_low) * conditions.factor
                + coalesce(conditions.addend, 0)
        when conditions.base = 'previous' and facts.previous_value > 0
            then
                facts.previous_value * conditions.factor
                * if(conditions.other_fact is null, 1, others.value / nullif(others.previous_value, 0))
                + coalesce(conditions.addend, 0)
    end
{%- endmacro %}


{#-
  Whether the previous sample had what a condition says: a code, a value, or `?` for nothing to compare with. Of a ratio
  it is nothing where either fact is missing now or then.
-#}
{% macro was_before() -%}
    case
        when conditions.code <> '?'
            then facts.previous_code = conditions.code or facts.previous_value = try_cast(conditions.code as double)
        when conditions.other_fact is not null
            then (facts.value / others.value) + (facts.previous_value / others.previous_value) is null
        else facts.previous_value is null and facts.previous_code is null
    end
{%- endmacro %}
