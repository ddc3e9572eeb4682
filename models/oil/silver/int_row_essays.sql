-- depends_on: {{ ref('stg_columns') }}
-- One row per current sample × essay of this run as the laboratory wrote it, essays in columns and in name/value pairs
-- alike. Where a row carries an essay more than once, the first by priority and position counts.

with

touched_rows as (
    select * from {{ ref('touched_rows') }} where is_current
),

-- A sample whose last file was withdrawn falls back to a row that an earlier run read.
rows_read_before as (
    select * from {{ ref('bronze_rows') }}
    where
        row_id in (select row_id from touched_rows)
        and content_id not in (select content_id from {{ ref('pending_contents') }})
),

-- Not kept for its three readers: that is slower than reading the table three times.
cells as not materialized (
    select * from {{ ref('stg_cells') }}
    union all
    {{ cells_of('rows_read_before') }}
),

columns as (
    select * from {{ ref('stg_columns') }}
),

lab_essays as (
    select * from {{ ref('lab_essays') }}
),

not_measured_texts as (
    select * from {{ ref('not_measured_texts') }}
),

essay_cells as (
    select
        cells.row_id,
        columns.essay,
        columns.unit,
        columns.preference,
        cells.text
    from cells
    inner join columns on cells.column_id = columns.column_id and columns.essay is not null
),

pair_names as (
    select
        cells.row_id,
        columns.laboratory,
        columns.sheet,
        columns.pair_name_index as pair_index,
        cells.text as name
    from cells
    inner join columns on cells.column_id = columns.column_id and columns.pair_name_index is not null
),

pair_values as (
    select
        cells.row_id,
        columns.pair_value_index as pair_index,
        cells.text
    from cells
    inner join columns on cells.column_id = columns.column_id and columns.pair_value_index is not null
),

essay_pairs as (
    select
        pair_names.row_id,
        lab_essays.essay,
        lab_essays.unit,
        lab_essays.priority * 1000 + pair_names.pair_index as preference,
        pair_values.text
    from pair_names
    inner join pair_values
        on pair_names.row_id = pair_values.row_id and pair_names.pair_index = pair_values.pair_index
    inner join lab_essays
        on
            pair_names.laboratory = lab_essays.laboratory
            and pair_names.sheet = lab_essays.sheet
            and pair_names.name = lab_essays.name
),

written as (
    select * from essay_cells
    union all
    select * from essay_pairs
)

select
    written.row_id,
    touched_rows.laboratory,
    written.essay,
    min_by(written.unit, written.preference) as lab_unit,
    min_by(written.text, written.preference) as text
from written
inner join touched_rows on written.row_id = touched_rows.row_id
where written.text <> '' and lower(written.text) not in (select text from not_measured_texts)
group by written.row_id, touched_rows.laboratory, written.essay
