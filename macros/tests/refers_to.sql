{#- Fails for every row whose columns, all filled, are not a row of the other table. `target` names its columns. -#}
{% test refers_to(model, columns, to, target=none, also=[]) -%}
    {%- set target_columns = target or columns %}
    select {% for column in (also + columns) | unique -%}
        referring.{{ column }}{{ ', ' if not loop.last }}
    {%- endfor %}
    from {{ model }} as referring
    where
        {% for column in columns -%}
            referring.{{ column }} is not null and
        {% endfor %}
        not exists (
            select 1
            from {{ to }} as referred
            where
                {% for column in columns -%}
                    {{ 'and ' if not loop.first }}referring.{{ column }} = referred.{{ target_columns[loop.index0] }}
                {% endfor %}
        )
{%- endtest %}
