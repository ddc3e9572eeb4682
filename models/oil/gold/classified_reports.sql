{{ config(materialized='view') }}

-- One row per sample that the policy judges: its status, everything that is known of it, and its recommendation. It is
-- a view, so that a wording which arrives after the build, or a corrected phrase, is seen at once.

with

reports as (
    select * from {{ ref('judged_reports') }}
),

recommendations as (
    select * from {{ ref('worded_recommendations') }}
)

select
    reports.* exclude (row_id),
    recommendations.ai_recommendation,
    recommendations.recommendation_source,
    recommendations.rule_ids,
    recommendations.urgency,
    recommendations.ai_generated_at,
    recommendations.cache_key
from reports
inner join recommendations on reports.row_id = recommendations.row_id
