{#- What runs of the market product remember; see macros/control_tables.sql. -#}
{% macro market_control_tables() -%}
    -- The responses from which everything of a ticker was computed last. Written by the last model of a build.
    create table if not exists control.computed_tickers (ticker varchar primary key, state varchar);
    -- Tickers that a quality rule holds back, since when, and the responses for which it does. Their published values are
    -- those of control.computed_tickers. Written by the last model of a build.
    create table if not exists control.held_tickers (ticker varchar primary key, state varchar, since timestamptz);
    -- The last object of each ticker and kind that the lake confirmed, and what it was computed from.
    create table if not exists control.deliveries (
        ticker varchar not null,
        kind varchar not null,
        state varchar not null,
        code varchar not null,
        key varchar not null,
        version_id varchar,
        primary key (ticker, kind)
    );
{%- endmacro %}
