{#- The test of dbt_utils, by its name and arguments: fails for every combination that more than one row has. -#}
{% test unique_combination_of_columns(model, combination_of_columns, quote_columns=false) -%}
    {%- set key = get_quoted_csv(combination_of_columns) if quote_columns else combination_of_columns | join(', ') -%}
    select
        {{ key }},
        count(*) as n_records
    from {{ model }}
    group by {{ key }}
    having count(*) > 1
{%- endtest %}
