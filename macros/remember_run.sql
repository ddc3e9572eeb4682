{#-
  The last step of a build: mark the contents that it processed and the limits that it calculated. Without these marks
  the next build processes the same again, so a build that was killed or failed costs time, not data.
-#}
{% macro remember_run(results) -%}
    {%- if execute and is_whole_build(results) %}
        begin transaction;
        insert or replace into control.processed_contents
        select
            pending.content_id,
            pending.state,
            min(checked.sampleTimestamp) filter (where checked.is_ahead) as due_at
        from {{ ref('pending_contents') }} as pending
        left join {{ ref('int_checked_rows') }} as checked on pending.content_id = checked.content_id
        group by pending.content_id, pending.state;

        delete from control.limit_calculations
        where (client, machine, component) in (
            select (client, machine, component) from {{ ref('limit_decisions') }} where is_recalculated
        );
        insert into control.limit_calculations
        select client, machine, component, n_now, decided_at
        from {{ ref('limit_decisions') }}
        where is_recalculated and n_now > 0;

        insert or replace into history.limit_decisions by name
        select * from {{ ref('limit_decisions') }};
        {%- if flags.FULL_REFRESH or everything_is_touched('oil') %}

            delete from control.project_state;
            insert into control.project_state values ('{{ project_state() }}');
        {%- endif %}
        commit;
    {%- endif %}
{%- endmacro %}


{#- True if every model was built and none failed. -#}
{% macro is_whole_build(results) -%}
    {%- set failed = results | selectattr('status', 'in', ['error', 'skipped', 'runtime error']) | list -%}
    {%- set built = results | map(attribute='node.name') | list -%}
    {{ return(not failed and 'pending_contents' in built and 'machine_status_current' in built) }}
{%- endmacro %}


{#- A full refresh processes everything, so it removes all marks. -#}
{% macro forget_past_runs() -%}
    {%- if flags.FULL_REFRESH %}
        delete from control.processed_contents;
        delete from control.limit_calculations;
    {%- endif %}
{%- endmacro %}


{#- Whether nothing of a product counts as done, so that what this run touches is everything there is. -#}
{% macro everything_is_touched(product) -%}
    {%- set done_in = {'oil': 'control.processed_contents', 'market': 'control.computed_tickers'} -%}
    {%- set done = run_query('select count(*) from ' ~ done_in[product]) -%}
    {{ return(done.columns[0].values()[0] == 0) }}
{%- endmacro %}
