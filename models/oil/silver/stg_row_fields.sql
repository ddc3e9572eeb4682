-- One row per data row that this run reads, its sample fields as the laboratory wrote them.

with

bronze_rows as (
    select * from {{ ref('bronze_rows') }}
    where content_id in (select content_id from {{ ref('pending_contents') }})
),

clients as (
    select * from {{ ref('clients') }}
),

cells as (
    select * from {{ ref('stg_cells') }}
),

field_columns as (
    select * from {{ ref('stg_columns') }} where field is not null
),

field_texts as (
    select
        cells.row_id,
    {% for field in sample_fields() -%}
        max(case when field_columns.field = '{{ field }}' then cells.text end) as {{ field }}{{ ',' if not loop.last }}
    {% endfor %}
    from cells
    inner join field_columns on cells.column_id = field_columns.column_id
    where cells.text not in ('', '-')
    group by cells.row_id
)

select
    bronze_rows.row_id,
    bronze_rows.content_id,
    bronze_rows.client,
    bronze_rows.sheet,
    bronze_rows.row_number,
    clients.client_code,
    clients.laboratory,
    clients.site as client_site,
    clients.time_zone,
    field_texts.* exclude (row_id)
from bronze_rows
inner join clients on bronze_rows.client = clients.client
left join field_texts on bronze_rows.row_id = field_texts.row_id
