{{ config(materialized='scope', unique_key=['content_id'], meta={'scope': 'pending_contents'}) }}

-- One row per content × name that no seed knows: sheets, columns and essays that are not read, machines that are not
-- judged.

with

pending_contents as (
    select * from {{ ref('pending_contents') }}
),

cells as (
    select
        cells.*,
        bronze_rows.content_id
    from {{ ref('stg_cells') }} as cells
    inner join {{ ref('bronze_rows') }} as bronze_rows on cells.row_id = bronze_rows.row_id
),

columns as (
    select * from {{ ref('stg_columns') }}
),

arrivals as (
    select * from {{ ref('bronze_arrivals') }} where status = 'loaded'
),

checked_rows as (
    select * from {{ ref('int_checked_rows') }}
    where content_id in (select content_id from pending_contents)
),

active_policy as (
    select * from {{ ref('active_policy') }}
),

unknown_columns as (
    select
        cells.content_id,
        columns.client,
        columns.sheet,
        'column' as kind,
        columns.header as name,
        count(*) as cells_affected
    from cells
    inner join columns on cells.column_id = columns.column_id
    where
        columns.essay is null
        and columns.pair_name_index is null
        and columns.pair_value_index is null
        and not columns.is_known
    group by cells.content_id, columns.client, columns.sheet, columns.header
),

names as (
    select
        cells.content_id,
        columns.client,
        columns.laboratory,
        columns.sheet,
        cells.text as name,
        count(*) as cells_affected
    from cells
    inner join columns on cells.column_id = columns.column_id and columns.pair_name_index is not null
    group by all
),

{{ named_essays('names', ['content_id', 'sheet', 'name']) }},

unknown_essays as (
    select
        content_id,
        client,
        sheet,
        'essay' as kind,
        name,
        cells_affected
    from named
    where essay is null
),

unknown_machines as (
    select
        checked_rows.content_id,
        checked_rows.client,
        checked_rows.sheet,
        'machine' as kind,
        coalesce(checked_rows.machineName, '(blank)') as name,
        count(*) as cells_affected
    from checked_rows
    cross join active_policy
    where not checked_rows.is_machine_known and not active_policy.judges_unknown_machines
    group by all
),

unread_sheets as (
    select
        arrivals.content_id,
        arrivals.client,
        unnest(arrivals.unread_sheets) as unread
    from arrivals
    semi join pending_contents on arrivals.content_id = pending_contents.content_id
),

unknown_sheets as (
    select
        content_id,
        client,
        unread.sheet,
        'sheet' as kind,
        unread.sheet as name,
        max(unread.rows) as cells_affected
    from unread_sheets
    group by content_id, client, unread.sheet
)

select * from unknown_columns
union all
select * from unknown_essays
union all
select * from unknown_machines
union all
select * from unknown_sheets
