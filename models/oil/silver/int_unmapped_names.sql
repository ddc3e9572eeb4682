{{ config(materialized='scope', unique_key=['content_id'], meta={'scope': 'pending_contents'}) }}

-- One row per content × name that no seed knows: columns and essays that are not read, machines that are not judged.

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

lab_fields as (
    select * from {{ ref('lab_fields') }}
),

ignored_columns as (
    select * from {{ ref('lab_ignored_columns') }}
),

lab_essays as (
    select * from {{ ref('lab_essays') }}
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
        and (columns.laboratory, columns.header) not in (select (laboratory, header) from lab_fields)
        and (columns.laboratory, columns.header) not in (select (laboratory, header) from ignored_columns)
    group by cells.content_id, columns.client, columns.sheet, columns.header
),

unknown_essays as (
    select
        cells.content_id,
        columns.client,
        columns.sheet,
        'essay' as kind,
        cells.text as name,
        count(*) as cells_affected
    from cells
    inner join columns on cells.column_id = columns.column_id and columns.pair_name_index is not null
    left join lab_essays
        on
            columns.laboratory = lab_essays.laboratory
            and columns.sheet = lab_essays.sheet
            and cells.text = lab_essays.name
    where lab_essays.name is null
    group by cells.content_id, columns.client, columns.sheet, cells.text
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
)

select * from unknown_columns
union all
select * from unknown_essays
union all
select * from unknown_machines
