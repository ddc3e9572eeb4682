-- A field that the harmonised sample does not have would be read from the file and dropped.
select
    laboratory,
    header as place,
    field
from {{ ref('lab_fields') }}
where not list_contains({{ sample_fields() + result_fields() }}, field)
union all
select
    laboratory,
    place,
    field
from {{ ref('lab_context_fields') }}
where not list_contains({{ sample_fields() }}, field)
union all
select
    '' as laboratory,
    header as place,
    means as field
from {{ ref('known_headers') }}
where kind = 'field' and not list_contains({{ sample_fields() + result_fields() }}, means)
