{#-
  Rows of a gold table for a snapshot: those of published clients. For a client that is not published, the snapshot's own
  rows, because readers have seen no others.
-#}
{% macro published_rows(relation, columns) -%}
    select
        {{ columns | join(',\n        ') }},
        (select run_id from {{ source('control', 'run_request') }}) as run_id,
        (select timezone('UTC', requested_at) from {{ source('control', 'run_request') }}) as observed_at
    from {{ relation }}
    where lower(client) not in (select client from {{ source('control', 'held_back') }})
    {%- if execute and load_relation(this) is not none %}
        union all
        select
            {{ columns | join(',\n            ') }},
            run_id,
            observed_at
        from {{ this }}
        where dbt_valid_to is null and lower(client) in (select client from {{ source('control', 'held_back') }})
    {%- endif %}
{%- endmacro %}
