{{ config(materialized='view') }}

-- One row per file and reason: how much of the file is not used, whether a person should look, and three examples.
-- `identity` stays the same while there is nothing new to tell: of a name that no seed has, whatever the file.

with

-- Examples with texts of their own say more than the same text three times.
rejected as (
    select
        *,
        row_number() over (
            partition by file_key, reason, content_id, text
            order by sheet, row_number, column_name, essay
        ) > 1 as is_repeated
    from {{ ref('rejected') }}
),

reasons as (
    select * from {{ ref('rejection_reasons') }}
),

-- The row `*` is for every reason that has no row.
looks as (
    select
        reasons.reason,
        min_by(struct_pack(min_share := policy_rejections.min_share), policy_rejections.reason = '*').min_share
            as min_share
    from reasons
    cross join {{ ref('active_policy') }} as active_policy
    inner join {{ ref('policy_rejections') }} as policy_rejections
        on active_policy.policy = policy_rejections.policy and policy_rejections.reason in (reasons.reason, '*')
    group by reasons.reason
),

rows_read as (
    select
        content_id,
        max(rows_read) as rows_read
    from {{ ref('bronze_arrivals') }}
    where status = 'loaded'
    group by content_id
),

grouped as (
    select
        client,
        file_key,
        reason,
        content_id,
        count(*) as things_rejected,
        coalesce(max(cells), count(distinct concat_ws('/', sheet, row_number))) as rows_affected,
        min(
            struct_pack(
                is_repeated := is_repeated,
                sheet := sheet,
                row_number := row_number,
                column_name := column_name,
                sampleNumber := sampleNumber,
                essay := essay,
                text := text,
                detail := detail
            ),
            3
        ) as examples,
        md5(
            concat_ws(
                '|',
                client,
                reason,
                if(
                    any_value(subject) in ('sheet', 'column'),
                    array_to_string(list_sort(list(distinct concat_ws('/', sheet, column_name, text))), '|'),
                    concat_ws('|', file_key, content_id)
                )
            )
        ) as identity
    from rejected
    group by client, file_key, reason, content_id
)

select
    grouped.client,
    grouped.file_key,
    grouped.reason,
    reasons.subject,
    reasons.meaning,
    reasons.advice,
    grouped.things_rejected,
    grouped.rows_affected,
    if(reasons.subject = 'file', 1.0, grouped.rows_affected / greatest(rows_read.rows_read, 1)) as share,
    looks.min_share is not null as is_worth_telling,
    coalesce(share >= looks.min_share, false) as needs_a_look,
    list_transform(
        grouped.examples,
        lambda one: struct_pack(
            sheet := one.sheet,
            row_number := one.row_number,
            column_name := one.column_name,
            sampleNumber := one.sampleNumber,
            essay := one.essay,
            text := one.text,
            detail := one.detail
        )
    ) as examples,
    grouped.identity
from grouped
inner join reasons on grouped.reason = reasons.reason
inner join looks on grouped.reason = looks.reason
left join rows_read on grouped.content_id = rows_read.content_id
