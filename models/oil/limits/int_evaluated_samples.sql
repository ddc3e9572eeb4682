-- One row per sample that the policy of this run judges.

with

samples as (
    select * from {{ ref('samples') }}
),

active_policy as (
    select * from {{ ref('active_policy') }}
),

exclusions as (
    select policy_exclusions.*
    from {{ ref('policy_exclusions') }} as policy_exclusions
    inner join active_policy on policy_exclusions.policy = active_policy.policy
),

included as (
    select
        samples.row_id,
        samples.client,
        samples.sampleNumber,
        dense_rank() over (order by samples.client, samples.unitId) - 1 as unit_number,
        dense_rank() over (
            order by
                samples.client, samples.machineName, coalesce(samples.machineModel, ''), samples.componentNameNormalized
        ) - 1 as group_number,
        samples.unitId,
        samples.machineName,
        coalesce(samples.machineModel, '') as machineModel,
        case when active_policy.judging_level = 'model' then coalesce(samples.machineModel, '') end as judging_model,
        samples.componentName,
        samples.componentNameNormalized,
        samples.fluid,
        samples.is_machine_known or active_policy.judges_unknown_machines as is_judged
    from samples
    cross join active_policy
    left join exclusions on samples.laboratory = exclusions.laboratory and samples.sourceSheet = exclusions.sheet
    where exclusions.policy is null
),

of_frequent_units as (
    select included.*
    from included
    cross join active_policy
    qualify
        count(*) over (partition by included.client, included.unitId)
        >= any_value(active_policy.min_samples_per_unit) over ()
)

select of_frequent_units.*
from of_frequent_units
cross join active_policy
qualify
    count(*) over (partition by of_frequent_units.client, of_frequent_units.unitId, of_frequent_units.componentName)
    >= any_value(active_policy.min_samples_per_component) over ()
