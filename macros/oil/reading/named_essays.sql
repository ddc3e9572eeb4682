{#-
  Three relations for a `with`, the last one `named`: one row per row of `names` (laboratory, sheet, name, …), known by
  its key, with the essay that it names on that sheet. Names are compared in their normal form; of two that are one in
  it, the spelling of the seed goes first. A sheet without names of its own has those of the laboratory's other sheets
  of the same fluid.
-#}
{% macro named_essays(names, key) -%}
named_sheets as (
    {{ declared_sheets(names) }}
),

essay_names as (
    select
        named_sheets.laboratory,
        named_sheets.sheet,
        lab_essays.name,
        normal_form(lab_essays.name) as name_form,
        lab_essays.essay,
        lab_essays.priority,
        lab_essays.unit,
        case
            when normal_form(lab_essays.sheet) = normal_form(named_sheets.sheet) then 1
            when lab_sheets.sheet is not null then 2
            when lab_essays.sheet = '*' then 3
        end as nearness
    from named_sheets
    inner join {{ ref('lab_essays') }} as lab_essays on named_sheets.laboratory = lab_essays.laboratory
    left join (select distinct laboratory, sheet, fluid from {{ ref('lab_sheets') }}) as lab_sheets
        on
            lab_essays.laboratory = lab_sheets.laboratory
            and lab_essays.sheet = lab_sheets.sheet
            and named_sheets.fluid = lab_sheets.fluid
    where nearness is not null
    qualify nearness <> 2 or min(nearness) over (partition by named_sheets.laboratory, named_sheets.sheet) = 2
),

named as (
    select
        names.*,
        essay_names.essay,
        essay_names.unit,
        essay_names.priority
    from {{ names }} as names
    left join essay_names
        on
            names.laboratory = essay_names.laboratory
            and names.sheet = essay_names.sheet
            and normal_form(names.name) = essay_names.name_form
    qualify
        row_number() over (
            partition by {% for column in key %}names.{{ column }}{{ ', ' if not loop.last }}{% endfor %}
            order by
                names.name = essay_names.name desc,
                essay_names.nearness asc,
                essay_names.priority asc,
                essay_names.name asc
        ) = 1
)
{%- endmacro %}
