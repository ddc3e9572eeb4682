{{ config(materialized='scope', unique_key=['row_id'], meta={'scope': 'samples_to_judge'}) }}

-- One row per report in alarm × expert rule that explains it. `place` orders rules by urgency, specificity, whether all
-- that they explain falls, and the worst breach that they explain. Of rules about single essays the seed's order
-- decides, wear first.
-- Of variants of one rule (K03a, K03b) the most urgent counts. A rule of generality 2 or 3 counts where it explains a
-- breach that no more specific rule explains, and one catch-all where no other rule matches. A pattern without a breach
-- comes after the other rules of its urgency, unless it doubts the sample (generality 0).
-- depends_on: {{ ref('samples_to_judge') }}

with

reports as (
    select
        *,
        -- Coolant is judged as coolant, whatever compartment the laboratory names.
        case when fluid = 'coolant' then 'refrigerante' else componentNameNormalized end as family
    from {{ ref('int_report_status') }}
    where report_status in ('Alerta', 'Anormal')
),

facts as (
    select * from {{ ref('int_facts') }}
),

families as (
    select distinct
        family,
        fluid
    from reports
),

-- The conditions of the rules that may explain a report of a family.
conditions as (
    select
        families.family,
        families.fluid,
        conditions.*
    from families
    inner join {{ ref('expert_rule_conditions') }} as conditions
        on
            list_contains(conditions.components, families.family)
            or (
                list_contains(conditions.components, '*')
                and families.fluid = 'oil'
                and not list_contains(conditions.components, '-' || families.family)
            )
),

compared as (
    select
        facts.row_id,
        conditions.rule_id,
        conditions.rule_family,
        conditions.generality,
        conditions.urgency,
        conditions.conditions,
        conditions.condition_number,
        facts.essay,
        greatest(facts.upper_band, facts.lower_band) as band,
        facts.fell and facts.upper_band > 0 as fell,
        case conditions.test
            when '~' then false
            when '←' then false
            when '≤' then facts.lower_band > 0
            else facts.upper_band + facts.lower_band > 0
        end as is_breach,
        case conditions.test
            when '↗' then facts.upper_band >= 1
            when '↑' then facts.upper_band >= 2
            when '⇑' then facts.upper_band >= 3
            when '↓' then facts.lower_band >= 2
            when '⇓' then facts.lower_band >= 3
            when '~' then facts.is_judged and facts.upper_band = 0 and facts.lower_band = 0
            when '=' then facts.code = conditions.code
            when '?' then facts.value is null and facts.code is null
            when '←' then {{ was_before() }}
            when '≥' then facts.value >= {{ compared_with() }}
            when '≤' then facts.value <= {{ compared_with() }}
        end as is_met
    from facts
    inner join reports on facts.row_id = reports.row_id
    inner join conditions
        on
            facts.fact = conditions.fact
            and reports.family = conditions.family
            and reports.fluid is not distinct from conditions.fluid
    left join facts as others on facts.row_id = others.row_id and conditions.other_fact = others.fact
),

matched as (
    select
        row_id,
        rule_id,
        rule_family,
        generality,
        urgency,
        conditions,
        coalesce(list_sort(list(distinct essay) filter (where is_breach and essay is not null)), []) as evidence,
        coalesce(max(band) filter (where is_breach and essay is not null), 0) as worst_band,
        coalesce(bool_and(fell) filter (where is_breach and essay is not null), false) as fell
    from compared
    where is_met
    group by row_id, rule_id, rule_family, generality, urgency, conditions
    having count(distinct condition_number) = conditions
    qualify row_number() over (partition by row_id, rule_family order by urgency asc, conditions desc, rule_id asc) = 1
),

explained as (
    select
        row_id,
        coalesce(flatten(list(evidence) filter (where generality <= 1)), []) as by_patterns,
        coalesce(flatten(list(evidence) filter (where generality <= 2)), []) as by_several_essays,
        bool_or(generality <= 3 and len(evidence) > 0) as is_explained
    from matched
    group by row_id
),

catch_alls as (
    select matched.*
    from matched
    inner join explained on matched.row_id = explained.row_id
    where matched.generality >= 4 and not explained.is_explained
    qualify row_number() over (
        partition by matched.row_id
        order by matched.generality asc, matched.urgency asc, matched.conditions desc, matched.rule_id asc
    ) = 1
),

kept as (
    select matched.*
    from matched
    inner join explained on matched.row_id = explained.row_id
    where
        matched.generality <= 1
        or (matched.generality = 2 and not list_has_all(explained.by_patterns, matched.evidence))
        or (matched.generality = 3 and not list_has_all(explained.by_several_essays, matched.evidence))
    union all
    select * from catch_alls
)

select
    row_id,
    rule_id,
    urgency,
    evidence,
    row_number() over (
        partition by row_id
        order by
            urgency asc,
            generality = 1 and len(evidence) = 0 asc,
            generality asc,
            fell asc,
            worst_band desc,
            case when generality < 3 then conditions end desc nulls last,
            rule_id asc
    ) as place
from kept
