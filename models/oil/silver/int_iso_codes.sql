-- One row per current sample × ISO 4406 size: the code of its particle count, or the laboratory's where it has none.

with

iso4406_codes as (
    select * from {{ ref('iso4406_codes') }}
),

read_essays as (
    select
        row_id,
        laboratory,
        essay,
        raw_text as text, -- noqa: RF04
        value, -- noqa: RF04
        censoring,
        code,
        iso_codes,
        data_row_id,
        column_id
    from {{ ref('int_reported_results') }}
    where rejection is null and row_id in (select row_id from {{ ref('touched_rows') }})
),

counted as (
    select
        read_essays.row_id,
        read_essays.laboratory,
        replace(read_essays.essay, 'Partículas', 'ISO') as essay,
        iso4406_codes.code,
        false as is_above,
        'computed from ' || read_essays.text || ' particles/ml' as text,
        read_essays.data_row_id,
        read_essays.column_id
    from read_essays
    inner join iso4406_codes
        on
            read_essays.value > iso4406_codes.above
            and (read_essays.value <= iso4406_codes.up_to or iso4406_codes.up_to is null)
    where read_essays.essay in ('Partículas 4µ', 'Partículas 6µ', 'Partículas 14µ') and read_essays.censoring is null
),

stated as (
    select
        row_id,
        laboratory,
        unnest(
            case when len(iso_codes) = 3 then ['ISO 4µ', 'ISO 6µ', 'ISO 14µ'] else ['ISO 6µ', 'ISO 14µ'] end
        ) as essay,
        unnest(iso_codes) as code,
        unnest(
            list_transform(string_split(regexp_replace(code, '^[-*]/', ''), '/'), lambda number: number[1] = '>')
        ) as is_above,
        text,
        data_row_id,
        column_id
    from read_essays
    where iso_codes is not null
),

ranked as (
    select
        *,
        1 as preference
    from counted
    union all
    select
        *,
        2 as preference
    from stated
)

select
    row_id,
    any_value(laboratory) as laboratory,
    essay,
    min_by(code, preference) as code,
    min_by(is_above, preference) as is_above,
    min_by(text, preference) as text,
    min(preference) = 1 as is_computed,
    min_by(data_row_id, preference) as data_row_id,
    min_by(column_id, preference) as column_id
from ranked
group by row_id, essay
