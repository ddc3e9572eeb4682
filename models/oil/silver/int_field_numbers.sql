-- One row per content × column × text of a field that is a number, for instance the hours of a machine. Typed numbers
-- are their value, durations are hours, and texts are read as results are. A meter counts hours or kilometres: its unit
-- is that of the cell, then that of a row of units, then that of the seed `lab_fields`, then hours.

{% set number_fields = ['machineHours', 'componentHours', 'oilMeter'] %}

with

row_fields as (
    select * from {{ ref('stg_row_fields') }}
),

laboratories as (
    select * from {{ ref('laboratories') }}
),

meter_bounds as (
    select
        meter_bounds.*,
        string_split(meter_bounds.sentinels, '|') as unknown_meters
    from {{ ref('meter_bounds') }} as meter_bounds
    cross join {{ ref('active_policy') }} as active_policy
    where active_policy.checks_values
),

decimal_marks as (
    select * from {{ ref('int_decimal_marks') }} where name = ''
),

declared_units as (
    select
        columns.column_id,
        min(unit_texts.unit) as unit
    from {{ ref('stg_columns') }} as columns
    inner join {{ ref('unit_texts') }} as unit_texts
        on {{ unit_form('columns.unit') }} = normal_form(unit_texts.text)
    where columns.field in ('machineHours', 'componentHours', 'oilMeter')
    group by columns.column_id
),

conversions as (
    select
        from_unit,
        to_unit,
        factor
    from {{ ref('unit_conversions') }}
    where to_unit in ('h', 'km') and essay = '*'
    union all
    select
        unnest(['h', 'km']) as from_unit,
        unnest(['h', 'km']) as to_unit,
        1.0 as factor
),

texts as (
    {% for field in number_fields -%}
        {{ 'union' if not loop.first }}
        select
            '{{ field }}' as field,
            content_id,
            laboratory,
            {{ field }}_column as column_id,
            {{ field }} as text,
            coalesce({{ field }}_kind, 't') as kind
        from row_fields
        where {{ field }} is not null
    {% endfor %}
),

plain_texts as (
    select distinct
        laboratory,
        text
    from texts
    where kind = 't'
),

number_texts as (
    select
        *,
        't' as kind
    from (
        {{ number_parts('plain_texts') }}
    )
),

words as (
    select distinct
        laboratory,
        '*' as essay,
        text
    from texts
    where kind = 't' and not {{ is_plain_number('text') }}
),

meanings as (
    {{ value_meanings('words') }}
),

numbered as (
    select
        texts.field,
        texts.content_id,
        texts.column_id,
        texts.text,
        texts.kind,
        number_texts.* exclude (laboratory, text, kind),
        coalesce(decimal_marks.decimal_mark, laboratories.decimal_mark) as mark,
        conversions.to_unit as meter_unit,
        conversions.factor,
        coalesce(meanings.meaning = 'not_measured', false) as is_empty,
        regexp_extract(
            texts.text, '^(-?)([0-9]+):([0-5][0-9])(?::([0-5][0-9]))?$', ['sign', 'hours', 'minutes', 'seconds']
        ) as duration
    from texts
    inner join laboratories on texts.laboratory = laboratories.laboratory
    left join number_texts
        on
            texts.laboratory = number_texts.laboratory
            and texts.text = number_texts.text
            and texts.kind = number_texts.kind
    left join decimal_marks
        on texts.content_id = decimal_marks.content_id and texts.column_id = decimal_marks.column_id
    left join declared_units on texts.column_id = declared_units.column_id
    left join conversions
        on coalesce(number_texts.unit, decimal_marks.unit, declared_units.unit, 'h') = conversions.from_unit
    left join meanings on texts.laboratory = meanings.laboratory and texts.text = meanings.text
),

valued as (
    select
        *,
        case
            when kind = 'n' then try_cast(text as double) * factor
            when kind in ('b', 'd') and duration.hours = '' then null
            when duration.hours <> '' and (understands_texts or kind = 'd')
                then
                    if(duration.sign = '-', -1, 1)
                    * (
                        try_cast(duration.hours as double)
                        + try_cast(duration.minutes as double) / 60
                        + coalesce(try_cast(duration.seconds as double), 0) / 3600
                    )
            when
                is_beginning_known
                and is_ending_known
                and (not understands_texts or censoring is null)
                then {{ parse_number('digits', 'mark') }} * factor
        end as number
    from numbered
),

bounded as (
    select
        valued.*,
        case
            when list_contains(list_transform(meter_bounds.unknown_meters, lambda one: try_cast(one as double)), number)
                then 'meter_not_known'
            when valued.number < meter_bounds.minimum then 'meter_below_possible'
            when valued.number > meter_bounds.maximum then 'meter_above_possible'
        end as bound_rejection
    from valued
    left join meter_bounds on valued.field = meter_bounds.field and valued.meter_unit = coalesce(meter_bounds.unit, 'h')
)

select
    field,
    content_id,
    column_id,
    text,
    kind,
    case when abs(number) < 1e9 and bound_rejection is null then number + 0 end as value,
    case
        when abs(number) < 1e9 then bound_rejection
        when is_empty then null
        when abs(number) >= 1e9 then 'field_beyond_possible'
        when kind = 'd' then 'field_turned_into_a_date'
        when mark = 'contradictory' and {{ needs_decimal_mark('digits') }} then 'field_mark_contradictory'
        when meter_unit is null and (kind = 'n' or (is_beginning_known and is_ending_known)) then 'unit_not_hours'
        when is_beginning_known and is_ending_a_word then 'field_has_unknown_unit'
        else 'field_not_a_number'
    end as rejection,
    if(duration.hours <> '', 'h', meter_unit) as unit
from bounded
