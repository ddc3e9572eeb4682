-- A value that fell since the sample before is never said to rise, and one that rose never to fall.
select
    samples.client,
    samples.sampleNumber,
    breaches.essay,
    breaches.trend,
    breaches.said_with_before,
    facts.value,
    facts.previous_value
from {{ ref('int_breaches') }} as breaches
inner join {{ ref('int_facts') }} as facts on breaches.row_id = facts.row_id and breaches.essay = facts.essay
inner join {{ ref('samples') }} as samples on breaches.row_id = samples.row_id
where
    (breaches.trend = 'rose' and facts.value <= facts.previous_value)
    or (breaches.trend = 'fell' and facts.value >= facts.previous_value)
