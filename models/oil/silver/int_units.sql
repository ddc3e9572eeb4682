{{ config(
    materialized='scope',
    unique_key=['client_code', 'unit_form'],
    meta={'scope': 'touched_units'}
) }}

-- One row per unit: the spelling that readers see, which is that of its newest dated sample, and all that it ever had.
-- Files that were written over count only where no live file names the unit.

with

checked_rows as (
    select * from {{ ref('int_checked_rows') }} where rejection is null
),

contents as (
    select * from {{ ref('int_contents') }}
)

select
    checked_rows.client_code,
    checked_rows.unit_form,
    max_by(
        checked_rows.unitId,
        (contents.is_live, checked_rows.sampleTimestamp, contents.delivered_on, checked_rows.unitId)
    ) as unitId,
    list(distinct checked_rows.unitId order by checked_rows.unitId) as spellings
from checked_rows
semi join {{ ref('touched_units') }} as touched_units
    on
        checked_rows.client_code = touched_units.client_code
        and checked_rows.unit_form = touched_units.unit_form
inner join contents on checked_rows.content_id = contents.content_id
group by checked_rows.client_code, checked_rows.unit_form
