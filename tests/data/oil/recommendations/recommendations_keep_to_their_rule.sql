-- A recommendation has every required step of the rule that decides, and no step of another rule that changes oil or a
-- component, whoever chose its phrases.
with

reports as (
    select * from {{ ref('classified_reports') }} where urgency is not null
),

steps as (
    select
        rule_steps.*,
        texts.text
    from {{ ref('rule_steps') }} as rule_steps
    inner join {{ ref('texts') }} as texts on rule_steps.rule_id || '.step' || rule_steps.step = texts.text_id
)

select
    reports.client,
    reports.sampleNumber,
    steps.rule_id,
    steps.step,
    reports.ai_recommendation
from reports
inner join steps on list_contains(reports.rule_ids, steps.rule_id)
left join steps as deciding on reports.rule_ids[1] = deciding.rule_id and contains(deciding.text, steps.text)
where
    case
        when steps.rule_id = reports.rule_ids[1]
            then steps.is_required and not contains(lower(reports.ai_recommendation), lower(steps.text))
        else
            steps.kind = 'change'
            and deciding.rule_id is null
            and contains(lower(reports.ai_recommendation), lower(steps.text))
    end
