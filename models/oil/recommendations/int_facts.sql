-- One row per report in alarm × fact of the expert rules. A fact is an essay or a count of particles (by its symbol
-- without spaces), a group of essays (by its name without spaces), a meter (by its published column), a note of the
-- laboratory (oilChanged, filterChanged), or what the declared SAE grade says: oilGrade, whether viscosity is inside,
-- and oilStandard, whether the grade is one of engine oils (J300) or of gear oils (J306).
-- `oilHours` is oilMeter from 50 h: a rate per hour says nothing of an oil that is newer. A meter that counted more
-- hours than have passed since the sample before, or is a copy of the machine's, says nothing either.
-- `same_oil_low` and `same_oil_high` are of other compartments that share the oil and were sampled on the same day.

{% set min_oil_hours = 50 %}

with

reports as (
    select * from {{ ref('int_report_status') }} where report_status in ('Alerta', 'Anormal')
),

active_policy as (
    select * from {{ ref('active_policy') }}
),

ranks as (
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
    select
        samples.row_id,
        previous.row_id as previous_row_id,
        previous.oilMeter as previous_oil_meter,
        case when {{ tells_age_of_oil('previous') }} then previous.oilMeter end as previous_oil_hours,
        previous.oilChanged as previous_oil_changed,
        {{ has_newer_oil('previous', 'samples') }} as has_newer_oil,
        previous.filterChanged as previous_filter_changed,
        coalesce(samples.oilMeter <= previous.oilMeter + {{ hours_since('previous', 'samples') }}, true)
            as has_possible_hours,
        previous.machineHours as machineHours
    from reports
    inner join samples on reports.row_id = samples.row_id
    inner join samples as previous
        on
            samples.previous_row_id = previous.row_id
            and not {{ is_another_component('previous', 'samples') }}
),

previous_results as (
    select
        previous_samples.row_id,
        previous_samples.has_newer_oil,
        results.essay,
        results.unit,
        results.calculation_value as value, -- noqa: RF04
        results.value as reported_value,
        results.code,
        results.censoring
    from previous_samples
    inner join {{ ref('results') }} as results on previous_samples.previous_row_id = results.row_id
    where results.rejection is null
),

sumps as (
    {{ shared_sumps() }}
),

samples_of_sumps as (
    select
        samples.row_id,
        samples.client,
        samples.unitId,
        samples.sampleDate,
        samples.componentName,
        sumps.sump
    from samples
    inner join sumps
        on
            samples.machineModel = sumps.machineModel
            and samples.componentName = sumps.componentName
            and samples.componentNameNormalized = sumps.componentNameNormalized
),

same_oil_results as (
    select
        samples_of_sumps.row_id,
        results.essay,
        results.unit,
        min(results.calculation_value) as low,
        max(results.calculation_value) as high
    from samples_of_sumps
    inner join reports on samples_of_sumps.row_id = reports.row_id
    inner join samples_of_sumps as others
        on
            samples_of_sumps.client = others.client
            and samples_of_sumps.unitId = others.unitId
            and samples_of_sumps.sump = others.sump
            and samples_of_sumps.sampleDate = others.sampleDate
            and samples_of_sumps.componentName <> others.componentName
    inner join {{ ref('results') }} as results on others.row_id = results.row_id
    where results.rejection is null
    group by samples_of_sumps.row_id, results.essay, results.unit
),

essay_facts as (
    select
        results.row_id,
        replace(essays.symbol, ' ', '') as fact,
        results.essay,
        results.essay_group,
        results.value,
        results.code,
        results.status <> 'Sin evaluar' as is_judged,
        case when results.direction = 'upper' then coalesce(ranks.rank, 0) else 0 end as upper_band,
        case when results.direction = 'lower' then coalesce(ranks.rank, 0) else 0 end as lower_band,
        results.group_median,
        previous_results.value as previous_value,
        previous_results.code as previous_code,
        previous_results.reported_value as previous_reported,
        previous_results.censoring as previous_censoring,
        -- In newer oil everything is less: it says nothing.
        {{ band_of('trend', 'results.value / nullif(previous_results.value, 0)') }} = 'fell'
        and previous_results.has_newer_oil is not true as fell,
        same_oil_results.low as same_oil_low,
        same_oil_results.high as same_oil_high
    from {{ ref('classified_results') }} as results
    inner join reports on results.row_id = reports.row_id
    inner join essays on results.essay = essays.essay
    left join ranks on results.status = ranks.band
    -- Another laboratory may have its own scale.
    left join previous_results
        on
            results.row_id = previous_results.row_id
            and results.essay = previous_results.essay
            and results.unit is not distinct from previous_results.unit
    left join same_oil_results
        on
            results.row_id = same_oil_results.row_id
            and results.essay = same_oil_results.essay
            and results.unit is not distinct from same_oil_results.unit
),

-- Wear debris and fibres have no limits, but say which wear it is.
count_facts as (
    select
        results.row_id,
        replace(essays.symbol, ' ', '') as fact,
        results.calculation_value as value, -- noqa: RF04
        previous_results.value as previous_value
    from {{ ref('results') }} as results
    inner join reports on results.row_id = reports.row_id
    inner join essays on results.essay = essays.essay
    left join previous_results
        on results.row_id = previous_results.row_id and results.essay = previous_results.essay
    where
        essays.essay_group = 'Conteo'
        and results.rejection is null
        and essays.essay not in (
            select policy_essays.essay
            from {{ ref('policy_essays') }} as policy_essays
            inner join active_policy on policy_essays.policy = active_policy.policy
        )
),

grouped as (
    select
        *,
        unnest([
            replace(essay_group, ' ', ''),
            'Todos',
            case when essay_group <> 'Aditivo' then 'NoAditivo' end,
            -- Ferrous debris is wear that spectrometry does not see. Laboratories file its index elsewhere.
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
        unnest(['oilMeter', 'oilHours', 'componentHours', 'machineHours', 'oilChanged', 'filterChanged']) as fact,
        unnest([
            samples.oilMeter,
            case
                when
                    samples.oilMeter >= {{ min_oil_hours }}
                    and {{ tells_age_of_oil('samples') }}
                    and coalesce(previous_samples.has_possible_hours, true)
                    then samples.oilMeter
            end,
            samples.componentHours,
            case when {{ tells_age_of_machine('previous_samples', 'samples') }} then samples.machineHours end
        ]) as value, -- noqa: RF04
        unnest([
            previous_samples.previous_oil_meter,
            case
                when previous_samples.previous_oil_hours >= {{ min_oil_hours }}
                    then previous_samples.previous_oil_hours
            end
        ]) as previous_value,
        unnest([null, null, null, null, samples.oilChanged, samples.filterChanged]) as code,
        unnest([
            null, null, null, null, previous_samples.previous_oil_changed, previous_samples.previous_filter_changed
        ]) as previous_code
    from samples
    inner join reports on samples.row_id = reports.row_id
    left join previous_samples on samples.row_id = previous_samples.row_id
),

grade_facts as (
    select
        samples.row_id,
        unnest(['oilGrade', 'oilStandard']) as fact,
        unnest([
            case
                when essay_facts.value < oil_grades.at_least then 'below'
                when essay_facts.value >= oil_grades.below then 'above'
                when oil_grades.grade is not null and essay_facts.value is not null then 'inside'
            end,
            replace(oil_grades.source, 'SAE ', '')
        ]) as code
    from samples
    inner join reports on samples.row_id = reports.row_id
    left join essay_facts on samples.row_id = essay_facts.row_id and essay_facts.fact = 'V100'
    -- The second number of a multigrade, or the only one: not the 10 of `10W`, which has no upper bound.
    left join {{ ref('oil_grades') }} as oil_grades
        on regexp_extract(samples.oilWeight, '(\d+)\s*$', 1) = oil_grades.grade
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
    previous_code,
    previous_reported,
    previous_censoring,
    fell,
    same_oil_low,
    same_oil_high
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
    null as previous_code,
    null as previous_reported,
    null as previous_censoring,
    null as fell,
    null as same_oil_low,
    null as same_oil_high
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
    null as previous_code,
    null as previous_reported,
    null as previous_censoring,
    null as fell,
    null as same_oil_low,
    null as same_oil_high
from count_facts
union all
select
    row_id,
    fact,
    null as essay,
    value,
    code,
    null as is_judged,
    null as upper_band,
    null as lower_band,
    null as group_median,
    previous_value,
    previous_code,
    null as previous_reported,
    null as previous_censoring,
    null as fell,
    null as same_oil_low,
    null as same_oil_high
from meter_facts
union all
select
    row_id,
    fact,
    null as essay,
    null as value, -- noqa: RF04
    code,
    null as is_judged,
    null as upper_band,
    null as lower_band,
    null as group_median,
    null as previous_value,
    null as previous_code,
    null as previous_reported,
    null as previous_censoring,
    null as fell,
    null as same_oil_low,
    null as same_oil_high
from grade_facts
