{{ config(schema='changes', materialized='view') }}

-- depends_on: {{ ref('bars') }}
-- One row per ticker whose prices differ from those that its values were computed from, and since which session.
select
    key as ticker,
    since
from {{ source('market_control', 'changed_since') }}
where relation = 'silver.bars'
