{{ config(materialized='view') }}

-- One row per entry of feedback. An entry never changes: another one withdraws it.

with

bronze_feedback as (
    select * from {{ ref('bronze_feedback') }}
),

entries as (
    select
        upper(content ->> 'client') as client,
        content ->> 'entry_id' as entry_id,
        timezone('UTC', cast(content ->> 'written_at' as timestamptz)) as written_at,
        content ->> 'written_by' as written_by,
        content ->> 'laboratory' as laboratory,
        content ->> 'sample_number' as sample_number,
        content ->> 'sample_occurrence' as sample_occurrence,
        content ->> 'unit_id' as unit_id,
        content ->> 'component' as component,
        content ->> 'kind' as kind,
        content ->> 'note' as note,
        content ->> 'finding' as finding,
        cast(content ->> 'cost_usd' as double) as cost_usd,
        cast(content ->> 'hours_saved' as double) as hours_saved,
        content ->> 'assigned_to' as assigned_to,
        cast(content ->> 'due_on' as date) as due_on,
        content ->> 'withdraws' as withdraws,
        feedback_key
    from bronze_feedback
    where problem is null
),

-- Only an entry of the same client withdraws, and only what is not a withdrawal itself.
withdrawals as (
    select distinct
        client,
        withdraws as entry_id
    from entries
    where kind = 'withdrawn'
)

select
    entries.*,
    entries.kind <> 'withdrawn' and withdrawals.entry_id is null as stands
from entries
left join withdrawals on entries.client = withdrawals.client and entries.entry_id = withdrawals.entry_id
