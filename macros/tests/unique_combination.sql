{#-
  Fails for every combination of the key columns that more than one row has.
  `also` names columns to show beside a failing key, above all `client`, so that a run can hold back that client alone.
-#}
{% test unique_combination(model, key, also=[]) -%}
    with

    checked as (
        select * from {{ model }}
    ),

    repeated as (
        select {{ key | join(', ') }}
        from checked
        group by {{ key | join(', ') }}
        having count(*) > 1
    )

    select distinct
        {% for column in key + (also | reject('in', key) | list) -%}
            checked.{{ column }}{{ ',' if not loop.last }}
        {% endfor %}
    from checked
    inner join repeated
        on
            {% for column in key -%}
                {{ 'and ' if not loop.first }}checked.{{ column }} is not distinct from repeated.{{ column }}
            {% endfor %}
{%- endtest %}
