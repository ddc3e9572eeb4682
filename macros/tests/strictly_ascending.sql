{#- Fails for every row in which a column is not below the next one of the list. Pairs with a null pass. -#}
{% test strictly_ascending(model, columns, also=[]) %}
    select {{ (also + columns) | unique | join(', ') }}
    from {{ model }}
    where
        {% for column in columns[:-1] -%}
            {{ 'or ' if not loop.first }}{{ column }} >= {{ columns[loop.index] }}
        {% endfor %}
{% endtest %}
