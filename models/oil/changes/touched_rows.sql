-- One row per data row of a touched sample, the revisions that no longer count included: what they were part of before
-- is touched too.

with

revisions as (
    select * from {{ ref('int_sample_revisions') }}
),

touched_samples as (
    select * from {{ ref('touched_samples') }}
)

select
    revisions.row_id,
    revisions.content_id,
    revisions.client_code as client,
    revisions.laboratory,
    revisions.sampleNumber,
    revisions.unitId,
    revisions.machineName,
    revisions.componentName,
    revisions.componentNameNormalized,
    revisions.is_current
from revisions
semi join touched_samples
    on
        revisions.client = touched_samples.client
        and revisions.laboratory = touched_samples.laboratory
        and revisions.sampleNumber = touched_samples.sampleNumber
