{{ config(materialized='view') }}

-- One row per sample that the policy judges: its status, everything known of it, and its recommendation. As a view, it
-- shows at once a wording that arrives after the build, or a corrected phrase. The text of a sample that differs from
-- another one of its oil says so first, and that of a sample that agrees says so last.

with

reports as (
    select * from {{ ref('judged_reports') }}
),

recommendations as (
    select * from {{ ref('worded_recommendations') }}
),

phrases as (
    {{ phrases(['note.in_doubt', 'note.same_oil']) }}
),

alarms as (
    select * from {{ ref('sump_alarms') }}
),

findings as (
    select
        findings.*,
        {{ filled_phrase('phrases.note_in_doubt', {'essay': 'coalesce(names.text, findings.essay)'}) }} as doubt
    from {{ ref('sump_findings') }} as findings
    cross join phrases
    left join {{ ref('texts') }} as names on 'essay.' || findings.essay = names.text_id
)

select
    reports.* exclude (
        row_id, sampleOccurrence, essays_rejected, rejected_essays, sump, delivered_essays, kilometers
    ),
    concat_ws(
        ' ',
        findings.doubt,
        recommendations.ai_recommendation,
        case when recommendations.is_confirmed and findings.sump is null then phrases.note_same_oil end
    ) as ai_recommendation,
    recommendations.recommendation_source,
    recommendations.rule_ids,
    recommendations.urgency,
    recommendations.ai_generated_at,
    recommendations.cache_key,
    reports.sampleOccurrence,
    reports.essays_rejected,
    reports.rejected_essays,
    reports.sump,
    case
        when reports.report_status in ('Alerta', 'Anormal') then coalesce(alarms.alarm_component, reports.componentName)
    end as alarm_component,
    case when reports.report_status in ('Alerta', 'Anormal') then coalesce(alarms.carries_alarm, true) end
        as carries_alarm,
    case when alarms.carries_alarm then alarms.other_components end as alarm_also_in,
    case
        when findings.sump is not null
            then json_object(
                'essay', findings.essay, 'low_component', findings.low_component, 'low', findings.low,
                'high_component', findings.high_component, 'high', findings.high
            )
    end as sump_difference,
    reports.delivered_essays,
    reports.kilometers
from reports
cross join phrases
inner join recommendations on reports.row_id = recommendations.row_id
left join alarms on reports.row_id = alarms.row_id
left join findings
    on
        reports.client = findings.client
        and reports.unitId = findings.unitId
        and reports.sump = findings.sump
        and reports.sampleDate = findings.sampleDate
