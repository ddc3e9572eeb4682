-- One row per filled cell of a loaded file.

with

bronze_rows as (
    select * from {{ ref('bronze_rows') }}
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
    row_id,
    client,
    sheet,
    cell.key as column_name,
    trim(replace(cell.value, chr(160), ' ')) as text
from cells
