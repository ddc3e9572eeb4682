{#-
  What a run is asked, and what runs have done, is kept in tables beside the models, never in `--vars`: changing vars
  makes dbt parse the project again. The wrapper writes its request before it starts dbt (python/tribolake/run/warehouse.py
  makes the same table); plain `dbt build` asks for the default policy, every client, under a run id of its own.
-#}
{% macro ensure_control_tables() -%}
    create schema if not exists control;
    create table if not exists control.run_request (
        run_id varchar not null,
        policy varchar not null,
        clients varchar[], -- null: every client
        retry_failed boolean not null,
        recalculate_limits boolean not null,
        requested_at timestamptz not null,
        language varchar not null -- of the recommendations: es or en
    );
    alter table control.run_request add column if not exists language varchar default 'es';
    -- Releases before these kept sentences of a model in control.wordings, and judged them by guards.
    drop table if exists control.wordings;
    drop table if exists control.judged_by;
    create table if not exists control.replies (
        pattern varchar primary key,
        configuration varchar not null, -- what the reply depends on besides its pattern
        cache_key varchar not null,
        reply varchar not null,
        generated_at timestamptz not null
    );
    create table if not exists control.unworded (
        pattern varchar primary key,
        configuration varchar not null,
        reason varchar not null,
        detail varchar not null,
        attempts integer not null, -- how often it was asked for in vain
        last_tried_at timestamptz not null,
        next_try_at timestamptz not null
    );
    create table if not exists control.shown_replies as from control.replies limit 0;
    create table if not exists control.project_state (state varchar not null);
    create table if not exists control.retries (file_key varchar primary key, asked_at timestamptz not null);
    create table if not exists control.held_back (client varchar not null);
    create table if not exists control.processed_contents (
        content_id varchar primary key,
        state varchar not null,
        due_at timestamp -- when the first of its samples dated ahead can be used
    );
    create table if not exists control.limit_calculations (
        client varchar not null,
        machine varchar not null,
        component varchar not null,
        n bigint not null,
        calculated_at timestamptz not null,
        primary key (client, machine, component)
    );
    create schema if not exists history;
    create table if not exists history.limit_decisions (
        run_id varchar not null,
        decided_at timestamptz not null,
        client varchar not null,
        machine varchar not null,
        component varchar not null,
        is_recalculated boolean not null,
        reason varchar not null,
        n_before bigint,
        n_now bigint not null,
        n_new bigint not null,
        shifted_essay varchar,
        shift_statistic double,
        shift_p_value double,
        calculated_before timestamptz,
        primary key (run_id, client, machine, component)
    );
    insert into control.run_request
    select '{{ invocation_id }}', 'default', null, false, false, current_timestamp, 'es'
    where not exists (select 1 from control.run_request);
    {%- if target.name != 'lake' %}
        update control.run_request
        set run_id = '{{ invocation_id }}', recalculate_limits = false, requested_at = current_timestamp;
    {%- endif %}
{%- endmacro %}
