-- One row per unit that a content of this run speaks of, in the form in which spellings of its name are compared.
select distinct
    client_code,
    unit_form
from {{ ref('int_checked_rows') }}
where unit_form is not null and content_id in (select content_id from {{ ref('pending_contents') }})
