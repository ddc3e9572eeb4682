-- A field that the harmonised sample does not have would be read from the file and dropped.
select
    laboratory,
    header,
    field
from {{ ref('lab_fields') }}
where not list_contains({{ sample_fields() }}, field)
