{#-
  Order of components that are in alarm: the strictest deadline first. Among equal deadlines they are weighed as in the
  machine's weighted score, by points of the status times criticality of the family.
-#}
{% macro alarm_order(points, component) -%}
    urgency asc nulls last,
    {{ points }} * weight desc,
    classification_score desc,
    severity_score desc,
    {{ component }} asc
{%- endmacro %}
