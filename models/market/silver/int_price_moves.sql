{{ config(schema='silver', materialized='scope') }}

-- One row per session of a touched ticker after its first: how its price moved, against what is usual for the ticker,
-- and the logarithm of the splits that are named for it.

with

bars as (
    select *
    from {{ ref('int_split_bars') }}
    where split_close > 0 and isfinite(split_close)
),

splits as (
    select
        ticker,
        ex_date,
        ln(any_value(served_value)) as log_split
    from {{ ref('int_events') }}
    where kind = 'split' and is_counted
    group by ticker, ex_date
),

moves as (
    select
        ticker,
        session_date,
        content_id,
        lag(session_date) over by_session as session_before,
        ln(split_close) - lag(ln(split_close)) over by_session as log_return,
        split_close * split_volume
        / nullif(
            avg(split_close * split_volume) over (
                partition by ticker
                order by session_date
                rows between 20 preceding and 1 preceding
            ),
            0
        ) as turnover
    from bars
    window by_session as (partition by ticker order by session_date)
),

-- The median of distances from the median, times 1.4826, is the deviation of a normal distribution. Few wild sessions
-- do not move it.
usual_moves as (
    select
        ticker,
        median(log_return) as usual_return,
        nullif(1.4826 * mad(log_return), 0) as noise
    from moves
    group by ticker
),

named_splits as (
    select
        moves.ticker,
        moves.session_date,
        sum(splits.log_split) as log_split
    from moves
    inner join splits
        on
            moves.ticker = splits.ticker
            and moves.session_before < splits.ex_date
            and moves.session_date >= splits.ex_date
    group by moves.ticker, moves.session_date
)

select
    moves.ticker,
    moves.session_date,
    moves.content_id,
    moves.log_return,
    moves.turnover,
    usual_moves.noise,
    abs(moves.log_return - usual_moves.usual_return) / usual_moves.noise as deviations,
    named_splits.log_split
from moves
inner join usual_moves on moves.ticker = usual_moves.ticker
left join named_splits on moves.ticker = named_splits.ticker and moves.session_date = named_splits.session_date
where moves.log_return is not null
