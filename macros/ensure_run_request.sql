{#-
  A run's inputs are one row of a table, never `--vars`: changing vars makes dbt parse the project again.
  The wrapper writes the row before it starts dbt; plain `dbt build` finds or makes the default one. Either may be first:
  the table is the one that python/tribolake/warehouse.py makes.
-#}
{% macro ensure_run_request() -%}
    create schema if not exists control;
    create table if not exists control.run_request (
        run_id varchar not null,
        policy varchar not null,
        clients varchar[], -- null: every client
        retry_failed boolean not null,
        requested_at timestamptz not null
    );
    insert into control.run_request
    select 'dbt-build', 'default', null, false, current_timestamp
    where not exists (select 1 from control.run_request);
{%- endmacro %}
