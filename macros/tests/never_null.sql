{#- Fails for every row in which one of the columns is null: all keys of a table in one test. -#}
{% test never_null(model, columns, also=[]) %}
    select {{ (also + columns) | unique | join(', ') }}
    from {{ model }}
    where {{ columns | join(' is null or ') }} is null
{% endtest %}
