{{ config(materialized='scope', unique_key=['content_id'], meta={'scope': 'pending_contents'}) }}

-- One row per content × column of numbers, with the decimal mark that its text cells prove, and the unit that stands in
-- a row of units. It is kept, so that rows that an earlier run read are understood the same. Where essays are named by
-- a cell beside the value, a name is a column, and all values of the content together are one more.
-- A column that proves nothing, in a file of which others prove another mark than the laboratory's, is contradictory.

with

bronze_rows as (
    select
        row_id,
        content_id
    from {{ ref('bronze_rows') }}
    where content_id in (select content_id from {{ ref('pending_contents') }})
),

columns as (
    select
        column_id,
        laboratory,
        pair_name_index,
        pair_value_index,
        (
            essay is not null
            or pair_value_index is not null
            or field in ('machineHours', 'componentHours', 'oilMeter')
        ) as has_numbers
    from {{ ref('stg_columns') }}
),

cells as (
    select * from {{ ref('stg_cells') }}
),

marked_cells as (
    select
        bronze_rows.content_id,
        cells.row_id,
        cells.column_id,
        columns.pair_value_index,
        columns.laboratory,
        cells.text
    from cells
    inner join columns on cells.column_id = columns.column_id and columns.has_numbers
    inner join bronze_rows on cells.row_id = bronze_rows.row_id
    cross join {{ ref('active_policy') }} as active_policy
    where cells.kind = 't' and regexp_matches(cells.text, '[.,][0-9]') and active_policy.understands_texts
),

texts as (
    select
        content_id,
        laboratory,
        if(pair_value_index is null, column_id, 0) as column_id,
        text,
        count(*) as cells
    from marked_cells
    group by all
),

proofs as (
    select
        content_id,
        laboratory,
        column_id,
        {{ proved_decimal_mark('text') }} as decimal_mark,
        sum(cells) as cells
    from texts
    group by all
),

of_columns as (
    select
        content_id,
        column_id,
        '' as name,
        {{ proved_by_most('decimal_mark', 'cells') }} as decimal_mark
    from proofs
    where decimal_mark is not null
    group by content_id, column_id
),

proofs_of_contents as (
    select
        content_id,
        decimal_mark,
        sum(cells) as cells
    from proofs
    where decimal_mark is not null
    group by content_id, decimal_mark
),

of_contents as (
    select
        content_id,
        {{ proved_by_most('decimal_mark', 'cells') }} as decimal_mark
    from proofs_of_contents
    group by content_id
),

of_other_columns as (
    select
        proofs.content_id,
        proofs.column_id,
        '' as name,
        'contradictory' as decimal_mark
    from proofs
    inner join of_contents on proofs.content_id = of_contents.content_id
    inner join {{ ref('laboratories') }} as laboratories
        on proofs.laboratory = laboratories.laboratory and of_contents.decimal_mark <> laboratories.decimal_mark
    anti join of_columns on proofs.content_id = of_columns.content_id and proofs.column_id = of_columns.column_id
),

written_units as (
    select
        texts.text,
        min(unit_texts.unit) as unit
    from (select distinct text from cells where kind = 't' and regexp_full_match(text, '[^0-9].{0,29}')) as texts
    inner join {{ ref('unit_texts') }} as unit_texts on {{ unit_form('texts.text') }} = normal_form(unit_texts.text)
    group by texts.text
),

-- Units below the headers: cells with nothing but a unit, in a row without a number.
unit_cells as (
    select
        cells.row_id,
        cells.column_id,
        written_units.unit
    from cells
    inner join columns on cells.column_id = columns.column_id and columns.has_numbers
    inner join written_units on cells.text = written_units.text
    cross join {{ ref('active_policy') }} as active_policy
    where columns.pair_value_index is null and active_policy.checks_values
    qualify count(*) over (partition by cells.row_id) > 1
),

of_unit_rows as (
    select
        bronze_rows.content_id,
        unit_cells.column_id,
        string_agg(distinct unit_cells.unit, ' | ' order by unit_cells.unit) as unit
    from unit_cells
    inner join bronze_rows on unit_cells.row_id = bronze_rows.row_id
    where
        unit_cells.row_id not in (
            select numbers.row_id
            from cells as numbers
            inner join columns on numbers.column_id = columns.column_id and columns.has_numbers
            where
                numbers.row_id in (select row_id from unit_cells)
                and (numbers.kind <> 't' or regexp_matches(numbers.text, '^[<>≤≥~]?[ ]*[-+]?[.,]?[0-9]'))
        )
    group by bronze_rows.content_id, unit_cells.column_id
),

-- Named values that all prove one mark need no look at each name.
cells_of_two_marks as (
    select * from marked_cells
    where
        pair_value_index is not null
        and content_id in (
            select content_id from proofs
            where decimal_mark is not null and column_id = 0
            group by content_id
            having count(*) > 1
        )
),

names as (
    select
        cells_of_two_marks.content_id,
        cells.text as name,
        {{ proved_decimal_mark('cells_of_two_marks.text') }} as decimal_mark,
        count(*) as cells
    from cells_of_two_marks
    inner join cells on cells_of_two_marks.row_id = cells.row_id
    inner join columns
        on cells.column_id = columns.column_id and cells_of_two_marks.pair_value_index = columns.pair_name_index
    group by all
),

marks as (
    select * from of_columns
    union
    select * from of_other_columns
    union all
    select
        content_id,
        0 as column_id,
        name,
        {{ proved_by_most('decimal_mark', 'cells') }} as decimal_mark
    from names
    where decimal_mark is not null
    group by content_id, name
)

select
    coalesce(marks.content_id, of_unit_rows.content_id) as content_id,
    coalesce(marks.column_id, of_unit_rows.column_id) as column_id,
    coalesce(marks.name, '') as name,
    marks.decimal_mark,
    of_unit_rows.unit
from marks
full outer join of_unit_rows
    on
        marks.content_id = of_unit_rows.content_id
        and marks.column_id = of_unit_rows.column_id
        and marks.name = ''
