-- One row per filled cell of a loaded file.

with

bronze_rows as (
    select * from {{ ref('bronze_rows') }}
),

columns as (
    select * from {{ ref('stg_columns') }}
),

cells as (
    select
        row_id,
        client,
        sheet,
        unnest(map_entries(cells)) as cell
    from bronze_rows
)

select
    cells.row_id,
    columns.column_id,
    trim(replace(cells.cell.value, chr(160), ' ')) as text
from cells
inner join columns
    on cells.client = columns.client and cells.sheet = columns.sheet and cells.cell.key = columns.column_name
