{{ config(materialized='scope', unique_key=['row_id'], meta={'scope': 'samples_to_judge'}) }}

-- One row per judged sample × essay: the limit that judges it, the band it falls into and its points.
-- Limits are those of the sample's own group. Fixed bands (codes, water, fuel) outrank them where they are worse.
-- A floor outranks a percentile limit downwards only: it makes alarms fewer, and published limits stay what they are.
-- `points` are the published ones of the band. `status_points` are the weight of the breach in the status.

with

active_policy as (
    select * from {{ ref('active_policy') }}
),

policy_essays as (
    select policy_essays.*
    from {{ ref('policy_essays') }} as policy_essays
    inner join active_policy on policy_essays.policy = active_policy.policy
),

bands as (
    select policy_bands.*
    from {{ ref('policy_bands') }} as policy_bands
    inner join active_policy on policy_bands.policy = active_policy.policy
),

fixed_bands as (
    select policy_fixed_bands.*
    from {{ ref('policy_fixed_bands') }} as policy_fixed_bands
    inner join active_policy on policy_fixed_bands.policy = active_policy.policy
),

essay_points as (
    select policy_essay_points.*
    from {{ ref('policy_essay_points') }} as policy_essay_points
    inner join active_policy on policy_essay_points.policy = active_policy.policy
),

samples as (
    select * from {{ ref('samples_to_judge') }} where is_judged
),

results as (
    select * from {{ ref('results') }} where rejection is null
),

limits as (
    select limits.*
    from {{ ref('int_limits') }} as limits
    inner join active_policy on limits.grain = active_policy.judging_level
),

floors as (
    select * from {{ ref('int_sample_floors') }}
),

-- Not materialized for its two readers: it has a row for each result, and the second reader needs few.
measured as not materialized (
    select
        samples.row_id,
        samples.client,
        samples.machineName,
        samples.componentNameNormalized,
        samples.judging_model,
        samples.fluid,
        samples.laboratory,
        samples.sampleNumber,
        samples.sampleOccurrence,
        results.essay,
        results.essay_group,
        results.unit,
        results.calculation_value as value,
        results.censoring,
        results.code,
        policy_essays.counts_for_status,
        policy_essays.direction as judged_direction
    from samples
    inner join results on samples.row_id = results.row_id
    inner join policy_essays on results.essay = policy_essays.essay
),

judged as (
    select
        measured.* exclude (machineName, componentNameNormalized, judging_model, judged_direction),
        limits.essay is not null as has_limits,
        limits.p50 as group_median,
        {%- for band in ['normal', 'alert', 'critic'] %}
            case
                when measured.judged_direction <> 'lower' then limits.threshold_{{ band }}
            end as percentile_{{ band }},
            case
                when measured.judged_direction <> 'lower'
                    then {{ floored('greatest', 'limits.threshold_' ~ band, 'floors.floor_' ~ band) }}
            end as threshold_{{ band }},
            limits.lower_{{ band }} as lower_percentile_{{ band }},
            {{ floored('least', 'limits.lower_' ~ band, 'floors.lower_floor_' ~ band) }} as lower_{{ band }},
        {%- endfor %}
        limits.source_level_normal as limits_level,
        limits.quality as limits_quality,
        limits.n as limits_samples
    from measured
    left join limits
        on
            measured.client = limits.client
            and measured.machineName = limits.machine
            and measured.componentNameNormalized = limits.component
            and measured.essay = limits.essay
            and measured.unit is not distinct from limits.unit
            and measured.judging_model is not distinct from limits.machine_model
    left join floors on measured.row_id = floors.row_id and measured.essay = floors.essay
),

percentile_breaches as (
    select
        *,
        {{ is_made_milder_by_a_floor() }} as is_floored,
        case
            when value >= threshold_critic then 'Critico'
            when value >= threshold_alert then 'Condenatorio'
            when value >= threshold_normal then 'Marginal'
            when value <= lower_critic then 'Critico'
            when value <= lower_alert then 'Condenatorio'
            when value <= lower_normal then 'Marginal'
        end as band,
        case
            when value >= threshold_normal then 'upper'
            when value <= lower_normal then 'lower'
        end as direction,
        case
            when value >= threshold_critic then threshold_critic
            when value >= threshold_alert then threshold_alert
            when value >= threshold_normal then threshold_normal
            when value <= lower_critic then lower_critic
            when value <= lower_alert then lower_alert
            when value <= lower_normal then lower_normal
        end as limit_value
    from judged
),

fixed_essays as (
    select distinct
        essay,
        fluid
    from fixed_bands
),

fixed_breaches as (
    select
        measured.row_id,
        measured.essay,
        arg_max(fixed_bands.band, bands.rank) as band,
        arg_max(fixed_bands.min_value, bands.rank) as limit_value,
        arg_max(fixed_bands.status_floor, bands.rank) as status_floor
    from measured
    inner join fixed_bands on measured.essay = fixed_bands.essay and measured.fluid = fixed_bands.fluid
    inner join bands on fixed_bands.band = bands.band
    inner join {{ ref('essays') }} as essays on measured.essay = essays.essay
    where
        measured.code = fixed_bands.code
        or (measured.value >= fixed_bands.min_value and coalesce(measured.unit = essays.unit, true))
    group by measured.row_id, measured.essay
),

compared as (
    select
        percentile_breaches.* exclude (band, direction, limit_value),
        coalesce(fixed_band.rank, 0) > coalesce(percentile_band.rank, 0) as is_fixed,
        percentile_breaches.band as percentile_band,
        percentile_breaches.direction as percentile_direction,
        percentile_breaches.limit_value as percentile_limit,
        fixed_breaches.band as fixed_band,
        fixed_breaches.limit_value as fixed_limit,
        fixed_breaches.status_floor,
        percentile_breaches.has_limits or fixed_essays.essay is not null as is_judged
    from percentile_breaches
    left join fixed_essays
        on percentile_breaches.essay = fixed_essays.essay and percentile_breaches.fluid = fixed_essays.fluid
    left join fixed_breaches
        on percentile_breaches.row_id = fixed_breaches.row_id and percentile_breaches.essay = fixed_breaches.essay
    left join bands as percentile_band on percentile_breaches.band = percentile_band.band
    left join bands as fixed_band on fixed_breaches.band = fixed_band.band
),

decided as (
    select
        *,
        case when is_fixed then fixed_band else percentile_band end as band,
        case when is_fixed then 'upper' else percentile_direction end as direction,
        case when is_fixed then fixed_limit else percentile_limit end as limit_value
    from compared
)

select
    decided.client,
    decided.sampleNumber,
    decided.essay,
    decided.essay_group,
    decided.unit,
    decided.value,
    decided.censoring,
    decided.code,
    case when decided.is_judged then coalesce(decided.band, 'Normal') else 'Sin evaluar' end as status,
    coalesce(bands.points, 0) as points,
    decided.limit_value,
    decided.direction,
    decided.limits_level,
    decided.limits_quality,
    case
        when decided.is_fixed then 'fixed'
        when decided.is_floored then 'floor'
        when decided.has_limits then 'percentile'
    end as limit_source,
    decided.counts_for_status,
    decided.status_floor,
    decided.row_id,
    case when decided.counts_for_status then coalesce(essay_points.points, bands.points, 0) else 0 end as status_points,
    decided.group_median,
    decided.laboratory,
    decided.sampleOccurrence,
    -- The limits of its group, which a floor may outrank.
    {% for band in ['normal', 'alert', 'critic'] -%}
        decided.percentile_{{ band }} as threshold_{{ band }},
    {% endfor -%}
    {% for band in ['normal', 'alert', 'critic'] -%}
        decided.lower_percentile_{{ band }} as lower_{{ band }},
    {% endfor -%}
    decided.limits_samples
from decided
left join bands on decided.band = bands.band
left join essay_points
    on
        decided.essay = essay_points.essay
        and decided.fluid = essay_points.fluid
        and decided.direction = essay_points.direction
        and decided.band = essay_points.band
