-- One row per sample with results that this run judges: its breaches and the sums of their points.

with

classified_results as (
    select * from {{ ref('classified_results') }}
    where row_id in (select row_id from {{ ref('samples_to_judge') }})
)

select
    row_id,
    -- A fixed band can raise an alarm but cannot clear a sample: water "none" says nothing about wear.
    count(*) filter (
        where counts_for_status and (limits_level is not null or status_floor is not null)
    ) as essays_judged,
    count(*) filter (where counts_for_status) as essays_readable,
    -- Levels, and `floor` where a floor made a band milder.
    nullif(array_to_string(
        list_sort(list_distinct(flatten(
            list([limits_level, case when limit_source = 'floor' then 'floor' end]) filter (where counts_for_status)
        ))), ', '
    ), '') as limits_levels,
    count(*) filter (where points > 0) as essays_broken,
    cast(coalesce(sum(points), 0) as bigint) as severity_score,
    cast(coalesce(sum(status_points), 0) as bigint) as classification_score,
    coalesce(bool_or(status_floor = 'Anormal'), false) as has_anormal_floor,
    coalesce(bool_or(status_floor = 'Alerta'), false) as has_alerta_floor,
    '['
    || array_to_string(
        list_sort(coalesce(
            list({{ breach_json('essay', 'value', 'status', 'limit_value', 'points') }}) filter (where points > 0), []
        )), ', '
    )
    || ']' as breached_essays,
    -- Points and thresholds of the breaches are in breached_essays.
    {{ json_object_of('essay', 'status') }} as essay_status
from classified_results
group by row_id
