{{ config(materialized='scope', unique_key=['content_id'], meta={'scope': 'pending_contents'}) }}

-- One row per field that a laboratory filled and that could not be read, with its cell. The sample is used without the
-- field, or its row is rejected for this reason if it needs the field.
-- depends_on: {{ ref('pending_contents') }}

with

checked_rows as (
    select * from {{ ref('int_checked_rows') }}
    where content_id in (select content_id from {{ ref('pending_contents') }})
),

bronze_rows as (
    select * from {{ ref('bronze_rows') }}
),

compared as (
    select
        checked_rows.row_id,
        checked_rows.content_id,
        checked_rows.client_code,
        checked_rows.laboratory,
        checked_rows.sheet,
        checked_rows.row_number,
        checked_rows.sampleNumber,
        coalesce(checked_rows.data_row_ids, [checked_rows.row_id]) as data_row_ids,
        case
            when checked_rows.rejection_text is not null
                then [
                    struct_pack(
                        field := checked_rows.rejection_field,
                        reason := checked_rows.rejection,
                        text := checked_rows.rejection_text
                    )
                ]
            when checked_rows.rejection is null then coalesce(checked_rows.unread_fields, [])
        end as unread
    from checked_rows
),

unread_fields as (
    select
        * exclude (unread),
        unnest(unread) as unread
    from compared
    where len(unread) > 0
),

data_rows as (
    select
        row_id,
        unread.field,
        unread.text,
        unnest(data_row_ids) as data_row_id
    from unread_fields
),

-- The first cell with the text in a column of the field; a field from the name of the sheet or file has none.
written as (
    select
        data_rows.row_id,
        data_rows.field,
        data_rows.text,
        min(bronze_rows.row_number) as row_number,
        min_by(columns.column_name, (bronze_rows.row_number, columns.field_preference)) as column_name
    from data_rows
    inner join {{ ref('stg_cells') }} as cells on data_rows.data_row_id = cells.row_id and data_rows.text = cells.text
    inner join {{ ref('stg_columns') }} as columns
        on cells.column_id = columns.column_id and data_rows.field = columns.field
    inner join bronze_rows on cells.row_id = bronze_rows.row_id
    group by data_rows.row_id, data_rows.field, data_rows.text
)

select
    unread_fields.client_code,
    unread_fields.unread.reason,
    unread_fields.sheet,
    coalesce(written.row_number, unread_fields.row_number) as row_number,
    coalesce(written.column_name, unread_fields.unread.field) as column_name,
    unread_fields.sampleNumber,
    unread_fields.unread.field,
    unread_fields.unread.text,
    unread_fields.content_id,
    unread_fields.row_id
from unread_fields
left join written
    on
        unread_fields.row_id = written.row_id
        and unread_fields.unread.field = written.field
        and unread_fields.unread.text = written.text
