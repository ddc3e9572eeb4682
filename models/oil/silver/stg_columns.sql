{{ config(materialized='scope', incremental_strategy='append') }}

-- One row per distinct column of a client's sheets, and what it holds: a field, an essay, or half of a name/value pair.
-- `Estado#2` is the second column called Estado. Each column is understood once, however many cells it has.

with

bronze_rows as (
    select * from {{ ref('bronze_rows') }}
    where content_id in (select content_id from {{ ref('pending_contents') }})
),

clients as (
    select * from {{ ref('clients') }}
),

laboratories as (
    select * from {{ ref('laboratories') }}
),

lab_fields as (
    select * from {{ ref('lab_fields') }}
),

lab_essays as (
    select * from {{ ref('lab_essays') }}
),

cells as (
    select distinct
        client,
        sheet,
        unnest(map_keys(cells)) as column_name
    from bronze_rows
),

columns as (
    select
        cells.client,
        clients.laboratory,
        cells.sheet,
        cells.column_name,
        regexp_replace(cells.column_name, '#[0-9]+$', '') as header,
        coalesce(try_cast(regexp_extract(cells.column_name, '#([0-9]+)$', 1) as integer), 1) as occurrence
    from cells
    inner join clients on cells.client = clients.client
    {% if is_incremental() -%}
        where (cells.client, cells.sheet, cells.column_name) not in (
            select (client, sheet, column_name) from {{ this }}
        )
    {%- endif %}
)

select
    cast(hash(columns.client, columns.sheet, columns.column_name) >> 1 as bigint) as column_id,
    columns.*,
    lab_fields.field,
    case when laboratories.layout = 'wide' then lab_essays.essay end as essay,
    lab_essays.unit,
    lab_essays.priority * 1000 + columns.occurrence as preference,
    try_cast(regexp_extract(columns.header, laboratories.pair_name_pattern, 1) as integer) as pair_name_index,
    try_cast(regexp_extract(columns.header, laboratories.pair_value_pattern, 1) as integer) as pair_value_index
from columns
inner join laboratories on columns.laboratory = laboratories.laboratory
left join lab_fields
    on
        columns.laboratory = lab_fields.laboratory
        and columns.header = lab_fields.header
        and columns.occurrence = lab_fields.occurrence
left join lab_essays
    on
        columns.laboratory = lab_essays.laboratory
        and columns.sheet = lab_essays.sheet
        and columns.header = lab_essays.name
