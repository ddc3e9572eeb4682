-- One row per expert rule: its texts in the language of this run.
-- The action is its steps as one sentence. The kinds of the steps tell whether it changes oil or a component.

with

texts as (
    select * from {{ ref('texts') }}
),

steps as (
    select
        rule_steps.rule_id,
        string_agg(texts.text, '; ' order by rule_steps.step) as said,
        bool_or(rule_steps.kind = 'change') as advises_change
    from {{ ref('rule_steps') }} as rule_steps
    inner join texts on rule_steps.rule_id || '.step' || rule_steps.step = texts.text_id
    group by rule_steps.rule_id
)

select
    steps.rule_id,
    names.text as name, -- noqa: RF04
    causes.text as cause,
    {{ sentence_of('steps.said') }} as action, -- noqa: RF04
    steps.advises_change
from steps
inner join texts as names on steps.rule_id || '.name' = names.text_id
inner join texts as causes on steps.rule_id || '.cause' = causes.text_id
