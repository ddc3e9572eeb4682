{{ config(materialized='view') }}

-- One row per unit whose status this run makes again, under every name that it had.
select
    client,
    unitId
from {{ ref('samples_to_judge') }}
union
select
    client,
    unitId
from {{ ref('touched_components') }}
