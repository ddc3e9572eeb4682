-- The steps of a rule are numbered from 1 without a gap, its first one is required, and those that are not come last.
-- A rule that asks to act at once begins with a stop.
with

steps as (
    select
        *,
        row_number() over (partition by rule_id order by step) as place,
        bool_and(is_required) over (
            partition by rule_id
            order by step
            rows between unbounded preceding and 1 preceding
        ) as follows_required
    from {{ ref('rule_steps') }}
)

select
    steps.rule_id,
    steps.step,
    steps.kind
from steps
inner join {{ ref('expert_rules') }} as rules on steps.rule_id = rules.rule_id
where
    steps.step <> steps.place
    or (steps.is_required and not coalesce(steps.follows_required, true))
    or (steps.step = 1 and not steps.is_required)
    or (steps.step = 1 and rules.urgency = 'U0' and steps.kind <> 'stop')
