{{ config(severity='warn') }}

-- A recommendation has at most 150 words. A sample with more critical breaches than any seen may need more, which holds
-- no client back. A text of 300 characters cannot have more words, so the slow pattern looks at longer texts only.
select
    client,
    sampleNumber,
    ai_recommendation
from {{ ref('classified_reports') }}
where len(ai_recommendation) > 300 and regexp_matches(ai_recommendation, '(\S+\s+){150}\S')
