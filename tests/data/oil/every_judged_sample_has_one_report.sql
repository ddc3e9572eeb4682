-- No report is lost or doubled on the way from the samples that the policy takes to gold.
with

samples_taken as (
    select
        client,
        count(*) as found
    from {{ ref('int_evaluated_samples') }}
    group by client
),

reports_made as (
    select
        client,
        count(*) as found
    from {{ ref('classified_reports') }}
    group by client
)

select
    samples_taken.found as samples_taken,
    reports_made.found as reports_made,
    coalesce(samples_taken.client, reports_made.client) as client
from samples_taken
full outer join reports_made on samples_taken.client = reports_made.client
where samples_taken.found is distinct from reports_made.found
