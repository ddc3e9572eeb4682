-- One row per component of a unit whose samples changed: their order and their judgement follow. A unit is here under
-- every spelling that it had: an earlier run may have called it so.
-- Where the policy leaves out units with few samples, one sample can bring in or drop the whole unit.

with

touched_rows as (
    select * from {{ ref('touched_rows') }}
),

revisions as (
    select * from {{ ref('int_sample_revisions') }} where is_current
),

repointed as (
    select * from revisions
    where row_id in (select row_id from {{ ref('touched_results') }})
),

active_policy as (
    select * from {{ ref('active_policy') }}
)

select
    touched_rows.client,
    unnest(units.spellings) as unitId,
    touched_rows.componentName
from touched_rows
inner join {{ ref('int_units') }} as units
    on touched_rows.client = units.client_code and touched_rows.unit_form = units.unit_form
union
select
    client_code as client,
    unitId,
    componentName
from repointed
union
select
    revisions.client_code as client,
    revisions.unitId,
    revisions.componentName
from revisions
cross join active_policy
where
    active_policy.min_samples_per_unit > 1
    and (revisions.client_code, revisions.unitId) in (select (client, unitId) from touched_rows)
