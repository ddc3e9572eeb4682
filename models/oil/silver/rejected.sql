-- One row per thing of the live files that is not used: a file, sheet, column, row, field or value, with the reason.
-- Samples whose owner a person should check are here too, although they are used.
-- A reason that is new is one more member of the union, and a row of the seed `rejection_reasons`.

with

contents as (
    select * from {{ ref('int_contents') }} where is_live
),

clients as (
    select * from {{ ref('clients') }}
),

reasons as (
    select * from {{ ref('rejection_reasons') }}
),

arrivals as (
    select * from {{ ref('bronze_arrivals') }}
),

rejected_rows as (
    select * from {{ ref('rejected_rows') }}
),

unread_fields as (
    select * from {{ ref('int_unread_fields') }}
),

-- The last attempt counts: a file that was written over by one that can be read is read.
refused_files as (
    select
        coalesce(clients.client_code, upper(arrivals.client)) as client,
        if(clients.client is null, 'client_not_declared', 'file_unreadable') as reason,
        arrivals.file_key,
        arrivals.message as detail,
        arrivals.content_id
    from arrivals
    left join clients on arrivals.client = clients.client
    qualify
        arrivals.status = 'failed'
        and row_number() over (partition by arrivals.file_key order by arrivals.arrived_at desc) = 1
),

rows_not_used as (
    select
        content_id,
        count(*) as rows_rejected,
        string_agg(distinct reason, ', ' order by reason) as reasons
    from rejected_rows
    group by content_id
),

unused_files as (
    select
        contents.client,
        if(arrivals.rows_read = 0, 'no_rows', 'every_row_rejected') as reason,
        contents.file_key,
        rows_not_used.rows_rejected || ' rows: ' || rows_not_used.reasons as detail,
        contents.content_id
    from contents
    inner join arrivals on contents.content_id = arrivals.content_id and arrivals.status = 'loaded'
    left join rows_not_used on contents.content_id = rows_not_used.content_id
    where arrivals.rows_read = coalesce(rows_not_used.rows_rejected, 0)
),

-- A column that a member of the union does not have is null.
of_contents as (
    select
        client,
        reason,
        content_id,
        detail
    from unused_files
    union all by name
    select
        client,
        'unknown_' || kind as reason,
        content_id,
        sheet,
        if(kind = 'column', name, null) as column_name,
        if(kind = 'essay', name, null) as text,
        cells_affected || if(kind = 'sheet', ' rows', ' cells') as detail,
        cells_affected as cells
    from {{ ref('int_unmapped_names') }}
    where kind <> 'machine'
    union all by name
    select
        rejected_rows.client,
        rejected_rows.reason,
        rejected_rows.content_id,
        rejected_rows.sheet,
        rejected_rows.row_number,
        unread_fields.column_name,
        rejected_rows.sampleNumber,
        rejected_rows.text
    from rejected_rows
    left join unread_fields
        on rejected_rows.row_id = unread_fields.row_id and rejected_rows.reason = unread_fields.reason
    union all by name
    select
        unread_fields.client_code as client,
        unread_fields.reason,
        unread_fields.content_id,
        unread_fields.sheet,
        unread_fields.row_number,
        unread_fields.column_name,
        unread_fields.sampleNumber,
        unread_fields.text,
        unread_fields.field as detail
    from unread_fields
    inner join reasons on unread_fields.reason = reasons.reason and reasons.subject = 'field'
    union all by name
    select
        client_code as client,
        reason,
        content_id,
        sheet,
        row_number,
        column_name,
        sampleNumber,
        essay,
        text
    from {{ ref('int_rejected_results') }}
    union all by name
    select
        client_code as client,
        reason,
        content_id,
        sheet,
        row_number,
        sampleNumber,
        detail
    from {{ ref('doubtful_samples') }}
),

found as (
    select
        coalesce(clients.client_code, upper(contents.client)) as client,
        of_contents.* exclude (client),
        contents.file_key
    from of_contents
    inner join contents on of_contents.content_id = contents.content_id
    left join clients on contents.client = clients.client
    union all by name
    select * from refused_files
)

select
    found.client,
    found.reason,
    reasons.subject,
    found.file_key,
    found.sheet,
    found.row_number,
    found.column_name,
    found.sampleNumber,
    found.essay,
    left(found.text, 200) as text,
    left(found.detail, 500) as detail,
    found.cells,
    found.content_id
from found
inner join reasons on found.reason = reasons.reason
