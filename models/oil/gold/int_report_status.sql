-- One row per sample that the policy takes and this run judges: its status, from the points that count and from floors.

with

samples_to_judge as (
    select * from {{ ref('samples_to_judge') }} where is_taken
),

scores as (
    select * from {{ ref('int_report_scores') }}
),

active_policy as (
    select * from {{ ref('active_policy') }}
),

-- Essays that count for the status, and whose value was delivered and is not used.
unreadable as (
    select
        results.row_id,
        count(*) as essays_rejected
    from {{ ref('results') }} as results
    inner join samples_to_judge on results.row_id = samples_to_judge.row_id
    inner join {{ ref('policy_essays') }} as policy_essays
        on results.essay = policy_essays.essay and policy_essays.counts_for_status
    inner join active_policy on policy_essays.policy = active_policy.policy
    where results.rejection is not null
    group by results.row_id
),

cut_offs as (
    select
        max(case when policy_statuses.report_status = 'Alerta' then policy_statuses.min_score end) as alerta_from,
        max(case when policy_statuses.report_status = 'Anormal' then policy_statuses.min_score end) as anormal_from
    from {{ ref('policy_statuses') }} as policy_statuses
    inner join active_policy on policy_statuses.policy = active_policy.policy
)

select
    samples_to_judge.row_id,
    samples_to_judge.client,
    samples_to_judge.laboratory,
    samples_to_judge.sampleNumber,
    samples_to_judge.unitId,
    samples_to_judge.componentName,
    samples_to_judge.componentNameNormalized,
    samples_to_judge.fluid,
    samples_to_judge.is_judged,
    coalesce(scores.essays_broken, 0) as essays_broken,
    coalesce(scores.severity_score, 0) as severity_score,
    coalesce(scores.classification_score, 0) as classification_score,
    case
        when coalesce(scores.essays_judged, 0) = 0 then active_policy.not_evaluated_status
        when scores.classification_score >= cut_offs.anormal_from or scores.has_anormal_floor then 'Anormal'
        when scores.classification_score >= cut_offs.alerta_from or scores.has_alerta_floor then 'Alerta'
        -- An alarm stands on what could be read. Normal needs that enough could be read.
        when
            scores.essays_readable
            < active_policy.min_readable_share * (scores.essays_readable + unreadable.essays_rejected)
            then active_policy.not_evaluated_status
        else 'Normal'
    end as report_status,
    coalesce(scores.breached_essays, '[]') as breached_essays,
    coalesce(scores.essay_status, '{}') as essay_status,
    coalesce(scores.essays_judged, 0) as essays_judged,
    coalesce(scores.limits_levels, 'missing') as limits_source,
    coalesce(unreadable.essays_rejected, 0) as essays_rejected
from samples_to_judge
cross join active_policy
cross join cut_offs
left join scores on samples_to_judge.row_id = scores.row_id
left join unreadable on samples_to_judge.row_id = unreadable.row_id
