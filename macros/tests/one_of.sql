{#- Fails for every value that is not in the list. A null passes: `never_null` asks for a value. -#}
{% test one_of(model, column, values, also=[]) %}
    select
        {{ (also + [column]) | unique | join(', ') }},
        count(*) as rows_found
    from {{ model }}
    where {{ column }} not in ('{{ values | join("', '") }}')
    group by all
{% endtest %}
