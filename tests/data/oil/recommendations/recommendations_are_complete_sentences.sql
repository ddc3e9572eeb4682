-- A recommendation ends as a sentence, and has no slot left open.
select
    client,
    sampleNumber,
    ai_recommendation
from {{ ref('classified_reports') }}
where
    coalesce(ai_recommendation, '') = ''
    or not ends_with(ai_recommendation, '.')
    or contains(ai_recommendation, '{')
    or contains(ai_recommendation, '}')
