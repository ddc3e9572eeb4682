-- One row per oil that compartments share × day on which their samples differ: the essay that differs most, in
-- differences that it needs at least, with the lowest and the highest value. One oil cannot have two viscosities, so
-- samples were swapped or mislabelled.

with

reports as (
    select * from {{ ref('judged_reports') }} where sump is not null
),

results as (
    select
        row_id,
        essay,
        unit,
        value
    from {{ ref('classified_results') }}
    where essay in (select essay from {{ ref('sump_differences') }}) and value is not null
),

compared as (
    select
        reports.client,
        reports.unitId,
        reports.sump,
        reports.sampleDate,
        results.essay,
        min(results.value) as low,
        max(results.value) as high,
        -- Of compartments with one value, their names decide.
        arg_min(reports.componentName, (results.value, reports.componentName)) as low_component,
        arg_max(reports.componentName, (results.value, reports.componentName)) as high_component
    from reports
    inner join results on reports.row_id = results.row_id
    group by reports.client, reports.unitId, reports.sump, reports.sampleDate, results.essay, results.unit
    having count(distinct reports.componentName) > 1
)

select
    compared.client,
    compared.unitId,
    compared.sump,
    compared.sampleDate,
    compared.essay,
    compared.low_component,
    compared.low,
    compared.high_component,
    compared.high
from compared
inner join {{ ref('sump_differences') }} as differences on compared.essay = differences.essay
where
    compared.high >= compared.low * differences.min_ratio
    and compared.high - compared.low >= differences.min_difference
qualify row_number() over (
    partition by compared.client, compared.unitId, compared.sump, compared.sampleDate
    order by (compared.high - compared.low) / differences.min_difference desc, compared.essay asc
) = 1
