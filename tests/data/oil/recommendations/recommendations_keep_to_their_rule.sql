-- A recommendation has every required step of the rule that decides. It has no step of another rule that changes oil or
-- a component, unless the deciding rule says the same. A model's choice of phrases does not alter that.
with

steps as (
    select
        rule_steps.*,
        texts.text,
        lower(texts.text) as in_lower_case
    from {{ ref('rule_steps') }} as rule_steps
    inner join {{ ref('texts') }} as texts on rule_steps.rule_id || '.step' || rule_steps.step = texts.text_id
),

matched as (
    select
        client,
        sampleNumber,
        ai_recommendation,
        lower(ai_recommendation) as in_lower_case,
        rule_ids[1] as deciding_rule,
        unnest(rule_ids) as rule_id
    from {{ ref('classified_reports') }}
    where urgency is not null
)

select
    matched.client,
    matched.sampleNumber,
    steps.rule_id,
    steps.step,
    matched.ai_recommendation
from matched
inner join steps on matched.rule_id = steps.rule_id
where
    case
        when matched.rule_id = matched.deciding_rule
            then steps.is_required and not contains(matched.in_lower_case, steps.in_lower_case)
        else
            steps.kind = 'change'
            and contains(matched.in_lower_case, steps.in_lower_case)
            and not exists (
                select 1 from steps as own
                where own.rule_id = matched.deciding_rule and contains(own.text, steps.text)
            )
    end
