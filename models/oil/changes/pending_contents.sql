{{ config(pre_hook="{{ forget_past_runs() }}") }}

-- One row per content that this run has to read: new, standing for another file than before, withdrawn, or with samples
-- dated ahead whose day has come.

with

contents as (
    select * from {{ ref('int_contents') }}
),

processed_contents as (
    select * from {{ source('control', 'processed_contents') }}
)

select contents.*
from contents
left join processed_contents on contents.content_id = processed_contents.content_id
where
    processed_contents.state is distinct from contents.state
    or processed_contents.due_at <= timezone('UTC', now())
