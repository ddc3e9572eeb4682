{#- What runs of the market product remember; see macros/control_tables.sql. -#}
{% macro market_control_tables() -%}
    -- The responses from which everything of a ticker was computed last, and its benchmark. Written by the last model
    -- of a build.
    create table if not exists control.computed_tickers (
        ticker varchar primary key, state varchar, benchmark varchar
    );
    alter table control.computed_tickers add column if not exists benchmark varchar;
    -- The responses that name the splits and dividends by which the bars of a ticker are adjusted. Those of a ticker that a
    -- build does not touch, or holds back, are nowhere else. Written by the last model of a build.
    create table if not exists control.event_sources (ticker varchar primary key, content_ids varchar[] not null);
    -- Tickers that a quality rule holds back, since when, and the responses for which it does. Their published values are
    -- those of control.computed_tickers. Written by the last model of a build.
    create table if not exists control.held_tickers (ticker varchar primary key, state varchar, since timestamptz);
    -- Since which session rows of a relation differ from those that later models were computed from, by ticker. Written with
    -- the rows, and removed by the last model of a build: a killed build leaves it to the next one.
    create table if not exists control.changed_since (
        relation varchar, key varchar, since date, primary key (relation, key)
    );
    -- What a sink has not confirmed yet. `body` has the bytes of an object. Aurora gets the rows of gold.
    create table if not exists control.pending_deliveries (
        sink varchar not null,
        ticker varchar not null,
        kind varchar not null,
        run_id varchar not null,
        computed_at timestamptz not null,
        state varchar not null,
        code varchar not null,
        body varchar,
        problem varchar,
        primary key (sink, ticker, kind, run_id)
    );
    -- The last delivery of each ticker and kind that a sink confirmed, and what its values were computed from.
    create table if not exists control.confirmed_deliveries (
        sink varchar not null,
        ticker varchar not null,
        kind varchar not null,
        run_id varchar not null,
        computed_at timestamptz not null,
        state varchar not null,
        code varchar not null,
        key varchar,
        version_id varchar,
        primary key (sink, ticker, kind)
    );
    -- Computation versions that were made current, and the default of the seed that each took the place of.
    create table if not exists control.applied_versions (
        client varchar not null,
        computation_version varchar not null,
        default_version varchar not null,
        applied_at timestamptz not null,
        run_id varchar primary key
    );
{%- endmacro %}
