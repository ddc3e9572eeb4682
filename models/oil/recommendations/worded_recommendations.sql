{{ config(materialized='view') }}

-- One row per judged report: its recommendation as readers see it. Where a language model's wording of its pattern was
-- accepted, the sample's numbers are filled into its slots; otherwise the text of the rules stands.

with

recommendations as (
    select * from {{ ref('report_recommendations') }}
),

wordings as (
    select
        *,
        concat_ws(' ', observation, cause) as before_the_deadline
    from {{ source('control', 'wordings') }}
)

select
    recommendations.row_id,
    recommendations.client,
    recommendations.laboratory,
    recommendations.sampleNumber,
    recommendations.pattern,
    case
        when wordings.pattern is null then recommendations.text
        else concat_ws(
            ' ',
            {{ with_slots_filled('wordings.before_the_deadline', 'recommendations.slots') }},
            recommendations.deadline,
            {{ with_slots_filled('wordings.action', 'recommendations.slots') }},
            recommendations.other_breaches
        )
    end as ai_recommendation,
    case when wordings.pattern is null then recommendations.source else 'llm' end as recommendation_source,
    recommendations.rule_ids,
    recommendations.urgency,
    timezone('UTC', wordings.generated_at) as ai_generated_at,
    wordings.cache_key
from recommendations
left join wordings on recommendations.pattern = wordings.pattern
