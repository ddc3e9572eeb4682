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
    {{ remember_event_sources() }}
{%- endmacro %}


{#-
  Remember which responses name the splits and dividends that count. Of a ticker that is held back the last build that
  released it did. Where no build did, because the warehouse is new or of an earlier release, they are among those that
  were fetched until the last one of its bars.
-#}
{% macro remember_event_sources() -%}
    insert or replace into control.event_sources
    select
        released_tickers.ticker,
        coalesce(list(distinct events.content_id) filter (where events.is_counted), [])
    from {{ ref('released_tickers') }} as released_tickers
    left join {{ ref('int_events') }} as events on released_tickers.ticker = events.ticker
    group by released_tickers.ticker;
    insert into control.event_sources
    select
        kept.ticker,
        coalesce(list(distinct responses.content_id) filter (where responses.content_id is not null), [])
    from (
        select
            ticker,
            max(fetched_at) as fetched_at
        from {{ ref('bars') }}
        where
            ticker in (select ticker from {{ ref('held_tickers') }})
            and ticker not in (select ticker from control.event_sources)
        group by ticker
    ) as kept
    left join {{ ref('raw_responses') }} as responses
        on
            kept.ticker = responses.ticker
            and kept.fetched_at >= timezone('UTC', responses.fetched_at)
            and responses.status = 'loaded'
            and len(responses.split_times) + len(responses.dividend_times) + len(responses.gain_times) > 0
    group by kept.ticker;
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
