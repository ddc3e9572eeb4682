{{ config(materialized='scope', unique_key=['row_id'], meta={'scope': 'samples_to_judge'}) }}

-- One row per judged sample × essay: the limit that judges it, the band it falls into and its points.
-- Limits are those of the sample's own group; fixed bands (codes, water, fuel) outrank them where they are worse.
-- `points` are the published ones of the band; `status_points` are what the policy lets the breach weigh in the status.

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

-- Not kept for its two readers: it has as many rows as there are results, and its second reader wants few.
judged as not materialized (
    select
        samples.row_id,
        samples.client,
        samples.fluid,
        samples.sampleNumber,
        results.essay,
        results.essay_group,
        results.unit,
        results.calculation_value as value,
        results.censoring,
        results.code,
        policy_essays.counts_for_status,
        limits.essay is not null as has_limits,
        limits.p50 as group_median,
        case when policy_essays.direction <> 'lower' then limits.threshold_normal end as threshold_normal,
        case when policy_essays.direction <> 'lower' then limits.threshold_alert end as threshold_alert,
        case when policy_essays.direction <> 'lower' then limits.threshold_critic end as threshold_critic,
        limits.lower_normal,
        limits.lower_alert,
        limits.lower_critic,
        limits.source_level_normal as limits_level,
        limits.quality as limits_quality
    from samples
    inner join results on samples.row_id = results.row_id
    inner join policy_essays on results.essay = policy_essays.essay
    left join limits
        on
            samples.client = limits.client
            and samples.machineName = limits.machine
            and samples.componentNameNormalized = limits.component
            and results.essay = limits.essay
            and samples.judging_model is not distinct from limits.machine_model
),

percentile_breaches as (
    select
        *,
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
        judged.row_id,
        judged.essay,
        arg_max(fixed_bands.band, bands.rank) as band,
        arg_max(fixed_bands.min_value, bands.rank) as limit_value,
        arg_max(fixed_bands.status_floor, bands.rank) as status_floor
    from judged
    inner join fixed_bands on judged.essay = fixed_bands.essay and judged.fluid = fixed_bands.fluid
    inner join bands on fixed_bands.band = bands.band
    where judged.code = fixed_bands.code or judged.value >= fixed_bands.min_value
    group by judged.row_id, judged.essay
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
    case when decided.is_fixed then 'fixed' when decided.has_limits then 'percentile' end
        as limit_source,
    decided.counts_for_status,
    decided.status_floor,
    decided.row_id,
    case when decided.counts_for_status then coalesce(essay_points.points, bands.points, 0) else 0 end as status_points,
    decided.group_median
from decided
left join bands on decided.band = bands.band
left join essay_points
    on
        decided.essay = essay_points.essay
        and decided.fluid = essay_points.fluid
        and decided.direction = essay_points.direction
        and decided.band = essay_points.band
