-- One row per distinct laboratory × essay × text: each is read once, however many samples carry it.

with

row_essays as (
    select distinct
        laboratory,
        essay,
        text
    from {{ ref('int_row_essays') }}
),

laboratories as (
    select * from {{ ref('laboratories') }}
),

essays as (
    select * from {{ ref('essays') }}
),

essay_codes as (
    select * from {{ ref('essay_codes') }}
),

numbered as (
    select
        row_essays.*,
        essays.kind,
        essays.minimum,
        {{ parse_number('row_essays.text', 'laboratories.decimal_mark') }} as number,
        nullif(replace(replace(left(regexp_extract(row_essays.text, '^[<>≤≥]=?'), 1), '≤', '<'), '≥', '>'), '')
            as censoring,
        case
            when essays.kind = 'cleanliness' and regexp_full_match(row_essays.text, '>?[0-9]+(/>?[0-9]+){1,2}')
                then cast(string_split(replace(replace(row_essays.text, '>28', '29'), '>', ''), '/') as integer[])
        end as iso_codes
    from row_essays
    inner join laboratories on row_essays.laboratory = laboratories.laboratory
    inner join essays on row_essays.essay = essays.essay
)

select
    numbered.laboratory,
    numbered.essay,
    numbered.text,
    numbered.censoring,
    case
        when numbered.kind in ('numeric', 'coded') and coalesce(numbered.number >= numbered.minimum, true)
            then numbered.number
    end as value,
    case
        when numbered.kind in ('text', 'cleanliness') or numbered.number is null
            then left(coalesce(essay_codes.code, numbered.text), 100)
    end as code,
    essay_codes.level,
    numbered.iso_codes,
    case
        when numbered.iso_codes <> list_reverse_sort(numbered.iso_codes)
            then 'a larger particle size cannot have a bigger code'
        when numbered.kind in ('text', 'cleanliness') then null
        when numbered.number < numbered.minimum then 'below the smallest possible value ' || numbered.minimum
        when numbered.number is not null or essay_codes.code is not null then null
        when numbered.kind = 'coded' then 'neither a number nor a code of the seed essay_codes'
        else 'not a number'
    end as rejection
from numbered
left join essay_codes on numbered.essay = essay_codes.essay and upper(numbered.text) = upper(essay_codes.code)
