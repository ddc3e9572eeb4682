{{ config(materialized='view') }}

-- One row per row of a sample × reason to doubt which sample it is. These rows are used; a person should look at them.

with

live_rows as (
    select
        *,
        ltrim(sample_number_form, '0') as number_without_zeros
    from {{ ref('int_sample_revisions') }}
    where is_live
),

current_rows as (
    select * from live_rows where is_current
),

-- Several samples of one number.
reused as (
    select
        row_id,
        'sample_number_reused' as reason,
        concat_ws(' ', unitId, componentName, sampleDate) as detail
    from current_rows
    where sampleOccurrence <> ''
),

-- One sample under two numbers, because a spreadsheet lost leading zeros of one of them.
doubles as (
    select
        row_id,
        'suspected_double' as reason,
        'also ' || if(
            sampleNumber = min(sampleNumber) over same_sample,
            max(sampleNumber) over same_sample,
            min(sampleNumber) over same_sample
        ) as detail
    from current_rows
    window
        same_sample as (
            partition by client_code, laboratory, number_without_zeros, unit_form, componentNameNormalized, sampleDate
        )
    qualify min(sample_number_form) over same_sample <> max(sample_number_form) over same_sample
),

-- A revision of the sample names another component of its family.
renamed as (
    select
        live_rows.row_id,
        'component_changed' as reason,
        live_rows.componentName || ', now ' || current_rows.componentName as detail
    from live_rows
    inner join current_rows on live_rows.sample_row_id = current_rows.row_id
    where live_rows.componentName <> current_rows.componentName and not live_rows.is_current
),

-- A file has the sample twice, with different results.
repeated as (
    select
        changes.row_id,
        'repeated_in_file' as reason,
        string_agg(
            concat(changes.name, ': ', changes.text_before, ', now ', changes.text_after), '; '
            order by changes.name
        ) as detail
    from {{ ref('revision_changes') }} as changes
    inner join live_rows as earlier on changes.row_id_before = earlier.row_id
    inner join live_rows as later on changes.row_id = later.row_id and earlier.content_id = later.content_id
    where
        changes.kind = 'essay'
        and changes.change = 'changed'
        and not coalesce(try_cast(changes.text_before as double) = try_cast(changes.text_after as double), false)
    group by changes.row_id
),

doubts as (
    select * from reused
    union all
    select * from doubles
    union all
    select * from renamed
    union all
    select * from repeated
)

select
    doubts.row_id,
    live_rows.client,
    live_rows.client_code,
    live_rows.laboratory,
    live_rows.content_id,
    live_rows.sourceFile as file_key,
    live_rows.sheet,
    live_rows.row_number,
    live_rows.sampleNumber,
    live_rows.sampleOccurrence,
    doubts.reason,
    doubts.detail
from doubts
inner join live_rows on doubts.row_id = live_rows.row_id
