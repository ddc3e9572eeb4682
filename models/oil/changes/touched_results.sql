-- One row per data row whose results this run writes: those of touched samples, and those of touched families on whose
-- values a decision on decimal points was made, in this run or in an earlier one that did not end.

with

touched_rows as (
    select * from {{ ref('touched_rows') }}
),

revisions as (
    select * from {{ ref('int_sample_revisions') }} where is_current
)

select row_id
from touched_rows
union
select revisions.row_id
from revisions
semi join {{ ref('int_lost_points') }} as lost_points on revisions.row_id = lost_points.row_id
semi join touched_rows
    on
        revisions.client_code = touched_rows.client
        and revisions.laboratory = touched_rows.laboratory
        and revisions.componentNameNormalized is not distinct from touched_rows.componentNameNormalized
