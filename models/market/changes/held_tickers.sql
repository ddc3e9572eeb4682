{{ config(schema='changes', materialized='scope') }}

-- One row per ticker that a quality rule holds back: readers keep what they had of it.
select distinct ticker
from {{ ref('quality_findings') }}
where severity = 'hold back'
