-- One row per filled cell of the contents that this run reads.
-- depends_on: {{ ref('stg_columns') }}

with

bronze_rows as (
    select * from {{ ref('bronze_rows') }}
    where content_id in (select content_id from {{ ref('pending_contents') }})
)

{{ cells_of('bronze_rows') }}
