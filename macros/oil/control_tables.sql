{#- What runs of the oil product remember; see macros/control_tables.sql. -#}
{% macro oil_control_tables() -%}
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
    -- Earlier releases knew one sample of each number.
    alter table if exists history.report_status_history add column if not exists sampleOccurrence varchar default '';
    -- Earlier releases kept sentences of a model in control.wordings, and judged them by guards.
    drop table if exists control.wordings;
    drop table if exists control.judged_by;
    create table if not exists control.replies (
        pattern varchar primary key,
        configuration varchar not null, -- what the reply depends on besides its pattern
        cache_key varchar not null,
        reply varchar not null,
        generated_at timestamptz not null
    );
    create table if not exists control.shown_replies as from control.replies limit 0;
    create table if not exists control.unworded (
        pattern varchar primary key,
        configuration varchar not null,
        reason varchar not null,
        detail varchar not null,
        attempts integer not null, -- how often the model was asked in vain
        last_tried_at timestamptz not null,
        next_try_at timestamptz not null
    );
{%- endmacro %}
