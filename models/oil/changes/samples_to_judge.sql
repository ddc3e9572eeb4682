-- One row per sample whose judgement this run makes anew: of a touched component, or of a group whose limits it
-- calculated. Rows with `is_taken` false lose their judgement: superseded, or left out by the policy.

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

found as (
    select
        row_id,
        client,
        laboratory,
        sampleNumber,
        unitId
    from touched_rows
    union
    select
        row_id,
        client,
        laboratory,
        sampleNumber,
        unitId
    from samples
    where
        (client, unitId, componentName) in (select (client, unitId, componentName) from touched_components)
        or (client, machineName, componentNameNormalized) in (
            select (client, machine, component) from recalculated_groups
        )
)

select
    found.*,
    evaluated_samples.row_id is not null as is_taken,
    evaluated_samples.* exclude (row_id, client, sampleNumber, unitId)
from found
left join evaluated_samples on found.row_id = evaluated_samples.row_id
