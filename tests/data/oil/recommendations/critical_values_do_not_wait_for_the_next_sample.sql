{{ config(severity='warn') }}

-- A report whose deciding rule explains a critical value has U2 at least. Excepted are additives, and rules that ask
-- for few hours: running in (K02, K04).
with

running_in as (
    select distinct rule_id
    from {{ ref('expert_rule_conditions') }}
    where fact in ('componentHours', 'machineHours') and test = '≤'
)

select
    samples.client,
    samples.sampleNumber,
    rules.rule_id,
    breaches.essay
from {{ ref('matched_rules') }} as rules
inner join {{ ref('int_breaches') }} as breaches on rules.row_id = breaches.row_id and breaches.is_evidence
inner join {{ ref('samples') }} as samples on rules.row_id = samples.row_id
where
    rules.place = 1
    and rules.urgency = 'U3'
    and breaches.rank = 3
    and breaches.essay_group <> 'Aditivo'
    and rules.rule_id not in (select rule_id from running_in)
