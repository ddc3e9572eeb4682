-- Spellings that differ in case, accents or spaces only are one name: it cannot stand for two fields, or two essays.
select
    laboratory,
    normal_form(header) as name
from {{ ref('lab_fields') }}
group by laboratory, normal_form(header), occurrence
having count(distinct field) > 1
union all
select
    laboratory,
    normal_form(name) as name
from {{ ref('lab_essays') }}
group by laboratory, normal_form(sheet), normal_form(name)
having count(distinct essay) > 1
union all
select
    laboratory,
    normal_form(sheet) as name
from {{ ref('lab_sheets') }}
group by laboratory, normal_form(sheet)
having count(distinct coalesce(fluid, '')) > 1
