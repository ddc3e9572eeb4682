-- A rule of urgency U0 or U1 whose cause is wear of a bearing begins with a condition to stop.
select
    rules.rule_id,
    causes.text
from {{ ref('expert_rules') }} as rules
inner join {{ ref('texts_es') }} as causes on rules.rule_id || '.cause' = causes.text_id
left join {{ ref('rule_steps') }} as steps
    on rules.rule_id = steps.rule_id and steps.step = 1 and steps.kind = 'stop'
where
    rules.urgency <= 'U1'
    and regexp_matches(causes.text, 'desgaste[^.;:]*(cojinete|rodamiento)|daño[^.;:]*(cojinete|rodamiento)')
    and steps.rule_id is null
