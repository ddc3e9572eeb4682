-- One row per expert rule: its texts in the language of this run.
-- The action is its steps as one sentence. The kinds of the steps tell whether it changes oil or a component. A rule
-- that compares with the same oil in another compartment says so itself.

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
    steps.advises_change,
    regexp_matches(rules.pattern, '[≥≤]s[×+]') as compares_same_oil
from steps
inner join {{ ref('expert_rules') }} as rules on steps.rule_id = rules.rule_id
inner join texts as names on steps.rule_id || '.name' = names.text_id
inner join texts as causes on steps.rule_id || '.cause' = causes.text_id
