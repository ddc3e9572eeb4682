{#- Mark the tickers of this build as computed or as held back, in the transaction of its last model. -#}
{% macro remember_computed_tickers() -%}
    delete from control.computed_tickers where ticker in (select ticker from {{ ref('released_tickers') }});
    insert into control.computed_tickers by name
    select
        touched_tickers.ticker,
        touched_tickers.state,
        ticker_benchmarks.benchmark
    from {{ ref('touched_tickers') }} as touched_tickers
    left join {{ ref('ticker_benchmarks') }} as ticker_benchmarks on touched_tickers.ticker = ticker_benchmarks.ticker
    where
        touched_tickers.state is not null
        and touched_tickers.ticker in (select ticker from {{ ref('released_tickers') }});
    delete from control.held_tickers where ticker in (select ticker from {{ ref('released_tickers') }});
    insert into control.held_tickers by name
    select
        ticker,
        state,
        current_timestamp as since
    from {{ ref('touched_tickers') }}
    where ticker in (select ticker from {{ ref('held_tickers') }})
    on conflict do update set state = excluded.state;
    delete from control.changed_since;
{%- endmacro %}


{#-
  A full refresh computes everything, so it removes all marks. Since when a ticker is held back stays known.
-#}
{% macro forget_computed_tickers() -%}
    {%- if flags.FULL_REFRESH %}
        delete from control.computed_tickers;
        delete from control.changed_since;
        update control.held_tickers set state = null;
    {%- endif %}
{%- endmacro %}
