{#- Fails for every row in which the rule is false, or null: a null means that the rule is badly written. -#}
{% test always_true(model, rule, also=[]) %}
    select {{ also | join(', ') if also else '*' }}
    from {{ model }}
    where ({{ rule }}) is not true
{% endtest %}
