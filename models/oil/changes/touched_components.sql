-- One row per component of a unit whose samples changed: their order and their judgement follow.
-- Where the policy leaves out units with few samples, one sample can bring in or drop the whole unit.

with

touched_rows as (
    select * from {{ ref('touched_rows') }}
),

revisions as (
    select * from {{ ref('int_sample_revisions') }} where is_current
),

active_policy as (
    select * from {{ ref('active_policy') }}
)

select
    client,
    unitId,
    componentName
from touched_rows
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
