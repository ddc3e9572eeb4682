-- One row per distinct laboratory × essay × kind × text × decimal mark: each is read once, however many samples carry
-- it. A typed number is its value, whatever the laboratory's decimal mark. A number that a spreadsheet turned into a
-- date is lost.

with

row_essays as (
    select distinct
        laboratory,
        essay,
        kind,
        text,
        coalesce(decimal_mark, '') as decimal_mark
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

-- Joins need the kind as a key: a condition on one side alone would compare all rows with all.
plain_texts as (
    select distinct
        laboratory,
        text
    from row_essays
    where kind = 't'
),

number_texts as (
    select
        *,
        't' as cell_kind
    from (
        {{ number_parts('plain_texts') }}
    )
),

words as (
    select distinct
        laboratory,
        essay,
        text
    from row_essays
    where kind = 't' and not {{ is_plain_number('text') }}
),

meanings as (
    select
        *,
        't' as cell_kind
    from (
        {{ value_meanings('words') }}
    )
),

cleanliness_codes as (
    select
        row_essays.text,
        {{ iso_code('row_essays.text') }} as iso_code
    from row_essays
    inner join essays on row_essays.essay = essays.essay and essays.kind = 'cleanliness'
    group by row_essays.text
),

numbered as (
    select
        row_essays.laboratory,
        row_essays.essay,
        row_essays.kind as cell_kind,
        row_essays.text,
        row_essays.decimal_mark,
        essays.kind,
        essays.minimum,
        number_texts.* exclude (laboratory, text, cell_kind),
        case when number_texts.understands_texts then meanings.meaning end as meaning,
        meanings.limit_value,
        meanings.code as meant_code,
        coalesce(nullif(row_essays.decimal_mark, ''), laboratories.decimal_mark) as mark,
        if(essays.kind = 'cleanliness', cleanliness_codes.iso_code, null) as iso_code,
        essay_codes.code as known_code,
        essay_codes.level,
        essays.kind in ('numeric', 'coded') as is_numeric
    from row_essays
    inner join laboratories on row_essays.laboratory = laboratories.laboratory
    inner join essays on row_essays.essay = essays.essay
    left join number_texts
        on
            row_essays.laboratory = number_texts.laboratory
            and row_essays.text = number_texts.text
            and row_essays.kind = number_texts.cell_kind
    left join cleanliness_codes on row_essays.text = cleanliness_codes.text
    left join meanings
        on
            row_essays.laboratory = meanings.laboratory
            and row_essays.essay = meanings.essay
            and row_essays.text = meanings.text
            and row_essays.kind = meanings.cell_kind
    left join essay_codes
        on
            row_essays.essay = essay_codes.essay
            and upper(coalesce(meanings.code, row_essays.text)) = upper(essay_codes.code)
),

valued as (
    select
        *,
        case
            when cell_kind in ('n', 'p') then try_cast(text as double)
            when is_beginning_known and is_ending_known then {{ parse_number('digits', 'mark') }}
        end as written_number,
        case
            when iso_code is not null
                then
                    cast(string_split(
                        replace(replace(regexp_replace(iso_code, '^[-*]/', ''), '>28', '29'), '>', ''), '/'
                    ) as integer[])
        end as iso_codes
    from numbered
),

read_texts as (
    select
        *,
        -- Adding 0 makes 0 of -0.
        case when is_numeric and isfinite(written_number) then written_number + 0 end as number,
        case
            when not is_numeric or known_code is not null then null
            when isfinite(written_number) then censoring
            when meaning = 'below' then '<'
            when meaning = 'above' then '>'
        end as bound
    from valued
),

checked as (
    select
        *,
        case
            when cell_kind = 'e' then 'error_cell'
            when cell_kind = 'f' then 'formula_not_calculated'
            when cell_kind = 'x' then 'struck_out'
            when cell_kind = 'c' then 'contradictory_results'
            when cell_kind = 'd' then 'turned_into_a_date'
            when iso_codes <> list_reverse_sort(iso_codes) then 'code_not_descending'
            when kind = 'cleanliness' and is_a_date then 'turned_into_a_date'
            when
                kind = 'cleanliness'
                and coalesce(iso_code, known_code) is null
                and regexp_matches(text, '^[<>≥]?[0-9]')
                then 'unknown_code'
            when not is_numeric then null
            when number < minimum and number < 0 then 'below_possible'
            -- Steps of limits get lost in numbers of 16 digits. No essay has so many.
            when abs(number) >= 1e9 then 'beyond_possible'
            when number is not null or known_code is not null or bound is not null then null
            when is_a_date then 'turned_into_a_date'
            when
                mark = 'contradictory'
                and is_beginning_known
                and is_ending_known
                and {{ needs_decimal_mark('digits') }}
                then 'decimal_mark_contradictory'
            when is_beginning_known and is_ending_a_word then 'unknown_unit'
            when kind = 'coded' then 'unknown_code'
            else 'not_a_number'
        end as rejection
    from read_texts
)

select
    laboratory,
    essay,
    cell_kind,
    text,
    decimal_mark,
    case when rejection is null then bound end as censoring,
    case
        when rejection is null and known_code is null
            then coalesce(number, case when bound is not null then limit_value end)
    end as value,
    case
        when not is_numeric or number is null then left(coalesce(known_code, iso_code, text), 100)
    end as code,
    level,
    case
        when cell_kind = 'p' then '%'
        when number is not null and not is_flag then unit
    end as unit,
    iso_codes,
    rejection
from checked
