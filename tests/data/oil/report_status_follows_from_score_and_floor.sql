-- The status is that of the points which count, or that of the worst floor (water, fuel, coolant) where this is higher.
with

statuses as (
    select policy_statuses.*
    from {{ ref('policy_statuses') }} as policy_statuses
    inner join {{ ref('active_policy') }} as active_policy on policy_statuses.policy = active_policy.policy
),

floors as (
    select
        results.row_id,
        max(statuses.min_score) as score_of_floor
    from {{ ref('classified_results') }} as results
    inner join statuses on results.status_floor = statuses.report_status
    group by results.row_id
),

expected as (
    select
        samples.client,
        samples.laboratory,
        samples.sampleNumber,
        samples.sampleOccurrence,
        reports.report_status,
        reports.classification_score,
        arg_max(statuses.report_status, statuses.min_score) as expected_status
    from {{ ref('judged_reports') }} as reports
    inner join {{ ref('samples') }} as samples
        on reports.row_id = samples.row_id
    left join floors on samples.row_id = floors.row_id
    inner join statuses
        on statuses.min_score <= greatest(reports.classification_score, coalesce(floors.score_of_floor, 0))
    -- Not evaluated: see not_evaluated_is_never_normal.
    where reports.report_status <> 'Sin evaluar'
    group by all
)

select *
from expected
where report_status is distinct from expected_status
