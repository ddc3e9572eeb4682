-- One row per sample number that a content of this run speaks of, and per number of a unit of this run that is spelled
-- in several ways: what the unit is called may change.

with

checked_rows as (
    select
        client_code,
        laboratory,
        sample_number_form,
        unit_form,
        content_id
    from {{ ref('int_checked_rows') }}
    where sample_number_form is not null
),

respelled_units as (
    select
        units.client_code,
        units.unit_form
    from {{ ref('int_units') }} as units
    inner join {{ ref('touched_units') }} as touched_units
        on units.client_code = touched_units.client_code and units.unit_form = touched_units.unit_form
    where len(units.spellings) > 1
)

select distinct
    client_code,
    laboratory,
    sample_number_form
from checked_rows
where
    content_id in (select content_id from {{ ref('pending_contents') }})
    or (client_code, unit_form) in (select (client_code, unit_form) from respelled_units)
