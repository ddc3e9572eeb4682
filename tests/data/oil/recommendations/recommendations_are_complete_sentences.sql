-- A recommendation is there, ends as a sentence, has no slot left open, and is short enough to be read.
select
    client,
    sampleNumber,
    ai_recommendation
from {{ ref('classified_reports') }}
where
    coalesce(ai_recommendation, '') = ''
    or not ends_with(ai_recommendation, '.')
    or regexp_matches(ai_recommendation, '[{}]')
    or len(regexp_extract_all(ai_recommendation, '\S+')) > 150
