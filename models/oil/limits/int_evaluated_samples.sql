{{ config(
    materialized='scope',
    unique_key=['client', 'unitId', 'componentName'],
    meta={'scope': 'touched_components'}
) }}

-- One row per sample that the policy of this run judges.

with

touched_components as (
    select * from {{ ref('touched_components') }}
),

samples as (
    select samples.*
    from {{ ref('samples') }} as samples
    semi join touched_components
        on
            samples.client = touched_components.client
            and samples.unitId = touched_components.unitId
            and samples.componentName = touched_components.componentName
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
        samples.unitId,
        samples.machineName,
        coalesce(samples.machineModel, '') as machineModel,
        case when active_policy.judging_level = 'model' then coalesce(samples.machineModel, '') end as judging_model,
        samples.componentName,
        samples.componentNameNormalized,
        samples.fluid,
        samples.is_machine_known or active_policy.judges_unknown_machines as is_judged,
        revisions.first_arrived_at
    from samples
    inner join {{ ref('int_sample_revisions') }} as revisions on samples.row_id = revisions.row_id
    cross join active_policy
    left join exclusions
        on samples.laboratory = exclusions.laboratory and revisions.declared_sheet = exclusions.sheet
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
