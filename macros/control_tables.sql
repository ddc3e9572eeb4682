{#-
  Tables in which runs are requested and recorded. They are not models: vars would make dbt parse the project again.
  The body is plain DDL: dbt runs it when it starts, and the wrapper reads it from this file (run/control_tables.py).
  A column that comes or goes is altered below its table, so that the warehouse of an earlier release goes on.
-#}
{% macro platform_control_tables() -%}
    create schema if not exists control;
    create schema if not exists history;
    -- Warehouses without it are from a release whose tables are not understood.
    create table if not exists history.layout_2 (made_at timestamptz default current_timestamp);
    create table if not exists control.run_request (
        run_id varchar not null,
        policy varchar not null,
        clients varchar[], -- null: every client
        retry_failed boolean not null,
        recalculate_limits boolean not null,
        requested_at timestamptz not null,
        language varchar not null, -- of the recommendations: es or en
        has_found_files boolean not null -- found_files has the files to read; otherwise bronze is listed
    );
    alter table control.run_request add column if not exists language varchar default 'es';
    alter table control.run_request add column if not exists has_found_files boolean default false;
    create table if not exists control.found_files (
        client varchar not null,
        file_key varchar not null,
        size_bytes bigint not null,
        modified_at timestamptz not null,
        partition_date date
    );
    create table if not exists control.first_listings (
        file_key varchar not null,
        sha256 varchar not null,
        listed_at timestamptz not null,
        modified_at timestamptz not null,
        primary key (file_key, sha256)
    );
    create table if not exists control.file_versions (file_key varchar primary key, version varchar not null);
    create table if not exists control.unfinished (rebuild boolean not null, recalculate_limits boolean not null);
    create table if not exists control.runs (
        run_id varchar primary key,
        finished_at timestamptz not null,
        fingerprints json not null,
        policy varchar not null,
        clients varchar[],
        report json not null
    );
    create table if not exists control.project_state (state varchar not null);
    create table if not exists control.retries (file_key varchar primary key, asked_at timestamptz not null);
    create table if not exists control.held_back (client varchar not null);
    create table if not exists control.shown (client varchar primary key, run_id varchar not null); -- to readers, last
    create table if not exists control.told_rejections (identity varchar primary key, rejected bigint not null);
    -- Rows of history that are files of the lake, by replica: see run/history.py.
    create table if not exists control.kept_history (
        place varchar not null,
        relation varchar not null,
        id varchar not null,
        closed_at timestamp -- a row is kept again when it is closed
    );
{%- endmacro %}
