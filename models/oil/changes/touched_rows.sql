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
    revisions.data_row_ids,
    revisions.content_id,
    revisions.client_code as client,
    revisions.laboratory,
    revisions.sampleNumber,
    revisions.sampleOccurrence,
    revisions.unitId,
    revisions.unit_form,
    revisions.machineName,
    revisions.componentName,
    revisions.componentNameNormalized,
    revisions.is_current,
    revisions.sample_row_id,
    revisions.revision,
    revisions.has_its_own_cells,
    revisions.is_merged
from revisions
semi join touched_samples
    on
        revisions.client_code = touched_samples.client_code
        and revisions.laboratory = touched_samples.laboratory
        and revisions.sample_number_form = touched_samples.sample_number_form
