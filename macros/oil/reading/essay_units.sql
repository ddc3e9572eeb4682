{#-
  One row per essay × unit of a relation `written` (essay, lab_unit): the unit of the published value, and what leads to
  it. A unit that converts into neither the essay's own nor another of its scales has no unit here.
-#}
{% macro essay_units(written) -%}
with

unit_texts as (
    select
        normal_form(text) as form,
        min(unit) as unit
    from {{ ref('unit_texts') }}
    group by form
),

conversions as (
    select
        from_unit,
        to_unit,
        essay,
        factor,
        "offset" as shift
    from {{ ref('unit_conversions') }}
),

named as (
    select
        written.essay,
        written.lab_unit,
        coalesce(unit_texts.unit, written.lab_unit) as from_unit,
        essays.unit as essay_unit,
        essays.kind in ('text', 'cleanliness') or normal_form(from_unit) = normal_form(essays.unit) as is_own,
        essays.unit = 'as reported' as is_as_reported
    from {{ written }} as written
    inner join {{ ref('essays') }} as essays on written.essay = essays.essay
    left join unit_texts on {{ unit_form('written.lab_unit') }} = unit_texts.form
)

select
    named.essay,
    named.lab_unit,
    case
        when not active_policy.checks_values then named.lab_unit
        when named.is_own then named.essay_unit
        when named.is_as_reported then named.from_unit
        when conversions.factor is not null then named.essay_unit
        else scales.unit
    end as unit,
    case when active_policy.checks_values and not named.is_own then coalesce(conversions.factor, 1.0) else 1.0 end
        as factor,
    case when active_policy.checks_values and not named.is_own then coalesce(conversions.shift, 0.0) else 0.0 end
        as shift
from named
cross join {{ ref('active_policy') }} as active_policy
left join conversions
    on
        named.from_unit = conversions.from_unit
        and named.essay_unit = conversions.to_unit
        and conversions.essay in ('*', named.essay)
left join {{ ref('essay_scales') }} as scales
    on named.essay = scales.essay and normal_form(named.from_unit) = normal_form(scales.unit)
qualify
    row_number() over (partition by named.essay, named.lab_unit order by conversions.essay = '*') = 1
{%- endmacro %}
