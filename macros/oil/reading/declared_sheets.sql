{#-
  One row per sheet of a relation (laboratory, sheet): the sheet of the seed `lab_sheets` that it is, `*` for any, and
  its fluid. A sheet is known by the normal form of its name.
-#}
{% macro declared_sheets(found) -%}
    select
        found.laboratory,
        found.sheet,
        min_by(lab_sheets.sheet, lab_sheets.sheet = '*') as declared_sheet,
        min_by(nullif(lab_sheets.fluid, ''), lab_sheets.sheet = '*') as fluid
    from (select distinct laboratory, sheet from {{ found }}) as found -- noqa
    left join {{ ref('lab_sheets') }} as lab_sheets
        on
            found.laboratory = lab_sheets.laboratory
            and (normal_form(found.sheet) = normal_form(lab_sheets.sheet) or lab_sheets.sheet = '*')
    group by found.laboratory, found.sheet
{%- endmacro %}
