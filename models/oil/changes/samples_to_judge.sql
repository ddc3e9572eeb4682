-- One row per sample that this run judges again: of a touched component, of a group whose limits it calculated, or
-- the one that follows such a sample, because its text says whether the diagnosis repeats. Of a touched unit, also
-- those of compartments that share their oil, because rules compare samples of one oil. Rows with `is_taken` false lose
-- their judgement: superseded, or left out by the policy.

with

touched_rows as (
    select * from {{ ref('touched_rows') }}
),

samples as (
    select * from {{ ref('samples') }}
),

evaluated_samples as (
    select * from {{ ref('int_evaluated_samples') }}
),

touched_components as (
    select * from {{ ref('touched_components') }}
),

recalculated_groups as (
    select * from {{ ref('limit_decisions') }} where is_recalculated
),

regrouped as (
    select row_id
    from samples
    where
        (client, machineName, componentNameNormalized) in (
            select (client, machine, component) from recalculated_groups
        )
),

sumps as (
    {{ shared_sumps() }}
),

-- A sample that is gone, or of another compartment since, may have been of any sump of its unit.
sharing_oil as (
    select samples.row_id
    from samples
    semi join touched_components
        on samples.client = touched_components.client and samples.unitId = touched_components.unitId
    semi join sumps
        on
            samples.machineModel = sumps.machineModel
            and samples.componentName = sumps.componentName
            and samples.componentNameNormalized = sumps.componentNameNormalized
),

found as (
    select
        row_id,
        client,
        laboratory,
        sampleNumber,
        sampleOccurrence,
        unitId
    from touched_rows
    union
    select
        row_id,
        client,
        laboratory,
        sampleNumber,
        sampleOccurrence,
        unitId
    from samples
    where
        (client, unitId, componentName) in (select (client, unitId, componentName) from touched_components)
        or row_id in (select row_id from sharing_oil)
        or row_id in (select row_id from regrouped)
        or previous_row_id in (select row_id from regrouped)
)

select
    found.*,
    evaluated_samples.row_id is not null as is_taken,
    evaluated_samples.* exclude (row_id, client, sampleNumber, unitId)
from found
left join evaluated_samples on found.row_id = evaluated_samples.row_id
