{#-
  Round a percentile to a limit, by the policy's rounding. `ceil`: up to the next integer. `resolution`: to the next
  multiple of the essay's resolution above the percentile, so that values equal to the percentile are not breaches. So at
  most 10 % of the samples reach the limit of P90. (With P90 = 1 ppm and a limit of 1 ppm, 47 % of the aluminium results
  were Marginal.)
-#}
{% macro round_limit(percentile, rounding, resolution) -%}
    case {{ rounding }}
        when 'ceil' then ceil({{ percentile }})
        else round((floor(round({{ percentile }} / {{ resolution }}, 6)) + 1) * {{ resolution }}, 6)
    end
{%- endmacro %}

{#- For lower limits: the next multiple of the resolution below the percentile. -#}
{% macro round_lower_limit(percentile, resolution) -%}
    round((ceil(round({{ percentile }} / {{ resolution }}, 6)) - 1) * {{ resolution }}, 6)
{%- endmacro %}

{#- A limit at least one step above the limit before it: equal limits would skip a band. -#}
{% macro one_step_above(limit, limit_before, step) -%}
    case
        when {{ limit_before }} is null then {{ limit }}
        else greatest({{ limit }}, round({{ limit_before }} + {{ step }}, 6))
    end
{%- endmacro %}

{% macro one_step_below(limit, limit_after, step) -%}
    least({{ limit }}, round(({{ limit_after }}) - {{ step }}, 6))
{%- endmacro %}
