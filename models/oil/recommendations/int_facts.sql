-- One row per report in alarm × fact: what expert rules look at. A fact is an essay, by its symbol; a group of essays,
-- by its name without spaces; or a meter, by its published column.

with

reports as (
    select * from {{ ref('int_report_status') }} where report_status in ('Alerta', 'Anormal')
),

active_policy as (
    select * from {{ ref('active_policy') }}
),

bands as (
    select policy_bands.*
    from {{ ref('policy_bands') }} as policy_bands
    inner join active_policy on policy_bands.policy = active_policy.policy
),

essays as (
    select * from {{ ref('essays') }}
),

samples as (
    select * from {{ ref('samples') }}
),

previous_samples as (
    -- One, whatever numbers two laboratories gave.
    select
        samples.row_id,
        previous.row_id as previous_row_id,
        previous.oilMeter as previous_oil_meter
    from reports
    inner join samples on reports.row_id = samples.row_id
    inner join samples as previous
        on
            samples.client = previous.client
            and samples.unitId = previous.unitId
            and samples.componentName = previous.componentName
            and samples.previousSampleNumber = previous.sampleNumber
            and samples.previousSampleDate = previous.sampleDate
            and samples.row_id <> previous.row_id
            -- A component with fewer hours than before is another one.
            and coalesce(samples.componentHours >= previous.componentHours, true)
    qualify row_number() over (
        partition by samples.row_id
        order by previous.sampleTimestamp desc, previous.row_id asc
    ) = 1
),

previous_results as (
    select
        previous_samples.row_id,
        results.essay,
        results.unit,
        results.calculation_value as value, -- noqa: RF04
        results.value as reported_value,
        results.censoring
    from previous_samples
    inner join {{ ref('results') }} as results on previous_samples.previous_row_id = results.row_id
    where results.rejection is null
),

essay_facts as (
    select
        results.row_id,
        essays.symbol as fact,
        results.essay,
        results.essay_group,
        results.value,
        results.code,
        results.status <> 'Sin evaluar' as is_judged,
        case when results.direction = 'upper' then coalesce(bands.rank, 0) else 0 end as upper_band,
        case when results.direction = 'lower' then coalesce(bands.rank, 0) else 0 end as lower_band,
        results.group_median,
        previous_results.value as previous_value,
        previous_results.reported_value as previous_reported,
        previous_results.censoring as previous_censoring
    from {{ ref('classified_results') }} as results
    inner join reports on results.row_id = reports.row_id
    inner join essays on results.essay = essays.essay
    left join bands on results.status = bands.band
    -- Another laboratory may measure an essay on a scale of its own.
    left join previous_results
        on
            results.row_id = previous_results.row_id
            and results.essay = previous_results.essay
            and results.unit is not distinct from previous_results.unit
),

grouped as (
    select
        *,
        unnest([
            replace(essay_group, ' ', ''),
            'Todos',
            case when essay_group <> 'Aditivo' then 'NoAditivo' end,
            -- Ferrous debris is wear that spectrometry does not see; laboratories file its index elsewhere.
            case when fact = 'PQI' then 'Desgaste' end
        ]) as essays_together
    from essay_facts
),

group_facts as (
    select
        row_id,
        essays_together as fact,
        bool_or(is_judged) as is_judged,
        max(upper_band) as upper_band,
        max(lower_band) as lower_band
    from grouped
    where essays_together is not null
    group by row_id, essays_together
),

meter_facts as (
    select
        samples.row_id,
        unnest(['oilMeter', 'componentHours']) as fact,
        unnest([samples.oilMeter, samples.componentHours]) as value, -- noqa: RF04
        unnest([previous_samples.previous_oil_meter, null]) as previous_value
    from samples
    inner join reports on samples.row_id = reports.row_id
    left join previous_samples on samples.row_id = previous_samples.row_id
)

select
    row_id,
    fact,
    essay,
    value,
    code,
    is_judged,
    upper_band,
    lower_band,
    group_median,
    previous_value,
    previous_reported,
    previous_censoring
from essay_facts
union all
select
    row_id,
    fact,
    null as essay,
    null as value, -- noqa: RF04
    null as code,
    is_judged,
    upper_band,
    lower_band,
    null as group_median,
    null as previous_value,
    null as previous_reported,
    null as previous_censoring
from group_facts
union all
select
    row_id,
    fact,
    null as essay,
    value,
    null as code,
    null as is_judged,
    null as upper_band,
    null as lower_band,
    null as group_median,
    previous_value,
    null as previous_reported,
    null as previous_censoring
from meter_facts
