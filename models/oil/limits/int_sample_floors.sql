{{ config(materialized='view') }}

-- One row per judged sample × essay that a floor is for: the least limits upwards, and the greatest downwards.
-- A floor hides no value that rises by half on the sample before, or falls by as much where it is a lower limit. As in
-- expert rules, a value of 0 before gives no proportion.

with

active_policy as (
    select * from {{ ref('active_policy') }}
),

floors as (
    select
        policy_floors.*,
        string_split(policy_floors.components, '|') as families
    from {{ ref('policy_floors') }} as policy_floors
    inner join active_policy on policy_floors.policy = active_policy.policy
),

samples as (
    select
        to_judge.row_id,
        to_judge.componentNameNormalized,
        to_judge.fluid,
        if({{ is_another_component('previous', 'samples') }}, null, previous.row_id) as previous_row_id
    from {{ ref('samples_to_judge') }} as to_judge
    inner join {{ ref('samples') }} as samples on to_judge.row_id = samples.row_id
    left join {{ ref('samples') }} as previous on samples.previous_row_id = previous.row_id
    where to_judge.is_judged
),

results as (
    select * from {{ ref('results') }} where rejection is null
),

floored as (
    select
        samples.row_id,
        samples.previous_row_id,
        results.essay,
        results.unit,
        results.calculation_value as value, -- noqa: RF04
        floors.direction,
        floors.relative_to,
        floors.marginal,
        floors.condenatorio,
        floors.critico
    from floors
    inner join results on floors.essay = results.essay and floors.unit = results.unit
    inner join samples
        on
            results.row_id = samples.row_id
            and (
                list_contains(floors.families, samples.componentNameNormalized)
                or (list_contains(floors.families, '*') and samples.fluid = 'oil')
            )
)

select
    floored.row_id,
    floored.essay,
    any_value(floored.relative_to) as relative_to,
    max(floored.marginal) filter (where floored.direction = 'upper') as floor_normal,
    max(floored.condenatorio) filter (where floored.direction = 'upper') as floor_alert,
    max(floored.critico) filter (where floored.direction = 'upper') as floor_critic,
    min(floored.marginal) filter (where floored.direction = 'lower') as lower_floor_normal,
    min(floored.condenatorio) filter (where floored.direction = 'lower') as lower_floor_alert,
    min(floored.critico) filter (where floored.direction = 'lower') as lower_floor_critic
from floored
left join results as previous
    on
        floored.previous_row_id = previous.row_id
        and floored.essay = previous.essay
        and floored.unit is not distinct from previous.unit
        and previous.calculation_value > 0
where
    previous.row_id is null
    or case floored.direction
        when 'upper' then floored.value < 1.5 * previous.calculation_value
        else 1.5 * floored.value > previous.calculation_value
    end
group by floored.row_id, floored.essay
