{#-
  Fails for every combination of the key columns that more than one row has.
  `also` names columns to show beside a failing key, above all `client`, so that a run can hold back that client alone.
-#}
{% test unique_combination(model, key, also=[]) -%}
    {%- set shown_beside = also | reject('in', key) | list %}
    select
        {{ key | join(', ') }},
        {% for column in shown_beside -%}
            unnest(list(distinct {{ column }})) as {{ column }},
        {% endfor -%}
        count(*) as rows_found
    from {{ model }}
    group by {{ key | join(', ') }}
    having count(*) > 1
{%- endtest %}
