{{ config(severity='warn') }}

-- A unit of `lab_essays` that leads to no unit of its essay: every result of that name is rejected
-- (`unit_not_convertible`). Correct the unit, or add rows to `unit_texts`, `unit_conversions` or `essay_scales`.

with

lab_essays as (
    select
        lab_essays.laboratory,
        lab_essays.sheet,
        lab_essays.name,
        lab_essays.essay,
        lab_essays.unit as delivered_in,
        essays.unit as essay_unit,
        coalesce(unit_texts.unit, lab_essays.unit) as unit
    from {{ ref('lab_essays') }} as lab_essays
    inner join {{ ref('essays') }} as essays on lab_essays.essay = essays.essay
    left join {{ ref('unit_texts') }} as unit_texts on normal_form(lab_essays.unit) = normal_form(unit_texts.text)
    where lab_essays.unit is not null and essays.kind not in ('text', 'cleanliness') and essays.unit <> 'as reported'
)

select
    laboratory,
    sheet,
    name,
    essay,
    delivered_in,
    essay_unit,
    'correct the unit in lab_essays, or add rows to unit_conversions or essay_scales' as what_to_do
from lab_essays
where
    normal_form(unit) <> normal_form(essay_unit)
    and (unit, essay_unit) not in (select (from_unit, to_unit) from {{ ref('unit_conversions') }})
    and (essay, normal_form(unit)) not in (select (essay, normal_form(unit)) from {{ ref('essay_scales') }})
