-- One row per distinct essay × unit that this run reads: the unit of the published value, and what leads to it.
-- A unit that converts into neither the essay's own nor another of its scales has no unit here.

with

written as (
    select distinct
        essay,
        lab_unit
    from {{ ref('int_row_essays') }}
    where lab_unit is not null
    union
    -- A unit in the cell goes before that of the column.
    select distinct
        essay,
        unit as lab_unit
    from {{ ref('int_essay_texts') }}
    where unit is not null
)

select * from (
    {{ essay_units('written') }}
)
