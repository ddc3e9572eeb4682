{#- Round a percentile as the policy asks: up to the next integer, or to the essay's resolution. -#}
{% macro round_limit(percentile, rounding, resolution) -%}
    case {{ rounding }}
        when 'ceil' then ceil({{ percentile }})
        else round(round({{ percentile }} / {{ resolution }}) * {{ resolution }}, 6)
    end
{%- endmacro %}

{#- A limit is at least one step above the one before it: equal limits would skip a band. -#}
{% macro one_step_above(limit, limit_before, step) -%}
    case
        when {{ limit_before }} is null then {{ limit }}
        else greatest({{ limit }}, round({{ limit_before }} + {{ step }}, 6))
    end
{%- endmacro %}
