{{ config(
    materialized='scope',
    unique_key=['client', 'machine', 'component'],
    meta={'scope': 'limit_decisions', 'scope_where': 'is_recalculated'}
) }}

-- depends_on: {{ ref('limit_decisions') }}
-- One row per judged group × essay: percentiles become limits by the rounding of the active_policy. A row of the seed
-- policy_limits stands for the limits of its group, the side that it names as a whole.

with

active_policy as (
    select * from {{ ref('active_policy') }}
),

policy_essays as (
    select * from {{ ref('policy_essays') }}
),

essays as (
    select * from {{ ref('essays') }}
),

set_limits as (
    select policy_limits.*
    from {{ ref('policy_limits') }} as policy_limits
    inner join active_policy on policy_limits.policy = active_policy.policy
),

percentiles as (
    select
        borrowed.*,
        active_policy.policy,
        active_policy.rounding,
        policy_essays.direction in ('both', 'lower') as has_lower_side,
        case
            when active_policy.rounding = 'ceil' then 1.0 else coalesce(scales.resolution, essays.resolution, 1.0)
        end as step
    from {{ ref('int_borrowed_percentiles') }} as borrowed
    inner join essays on borrowed.essay = essays.essay
    left join {{ ref('essay_scales') }} as scales on borrowed.essay = scales.essay and borrowed.unit = scales.unit
    cross join active_policy
    inner join policy_essays on active_policy.policy = policy_essays.policy and borrowed.essay = policy_essays.essay
    where borrowed.p90 is not null
),

rounded as (
    select
        *,
        {{ round_limit('p90', 'rounding', 'step') }} as rounded_p90,
        {{ round_limit('p95', 'rounding', 'step') }} as rounded_p95,
        {{ round_limit('p98', 'rounding', 'step') }} as rounded_p98,
        {{ round_lower_limit('p10', 'step') }} as rounded_p10,
        {{ round_lower_limit('p05', 'step') }} as rounded_p05,
        {{ round_lower_limit('p02', 'step') }} as rounded_p02,
        has_lower_side and p02 > 0 as has_lower
    from percentiles
),

marginal as (
    select
        *,
        rounded_p90 as threshold_normal
    from rounded
),

condenatorio as (
    select
        *,
        {{ one_step_above('rounded_p95', 'threshold_normal', 'step') }} as threshold_alert
    from marginal
    where rounded_p95 is not null
    union all
    select
        *,
        null as threshold_alert
    from marginal
    where rounded_p95 is null
),

critico as (
    select
        *,
        case
            when rounded_p98 is null or threshold_alert is null then null
            else {{ one_step_above('rounded_p98', 'threshold_alert', 'step') }}
        end as threshold_critic
    from condenatorio
),

calculated as (
    select
        *,
        case when has_lower then rounded_p10 end as lower_normal,
        case when has_lower then {{ one_step_below('rounded_p05', 'rounded_p10', 'step') }} end as lower_alert,
        case
            when has_lower
                then {{ one_step_below('rounded_p02', one_step_below('rounded_p05', 'rounded_p10', 'step'), 'step') }}
        end as lower_critic
    from critico
),

limits as (
    select
        calculated.* replace (
            {% for threshold, band in [('normal', 'marginal'), ('alert', 'condenatorio'), ('critic', 'critico')] -%}
                {%- set percentile = {'normal': 'p90', 'alert': 'p95', 'critic': 'p98'}[threshold] -%}
                if(set_limits.marginal is null, calculated.threshold_{{ threshold }}, set_limits.{{ band }})
                    as threshold_{{ threshold }},
                if(
                    set_limits.lower_marginal is null or not calculated.has_lower_side,
                    calculated.lower_{{ threshold }}, set_limits.lower_{{ band }}
                ) as lower_{{ threshold }},
                case
                    when set_limits.marginal is null then calculated.{{ percentile }}_level
                    when set_limits.{{ band }} is not null then 'set'
                end as {{ percentile }}_level{{ ',' if not loop.last }}
            {% endfor %}
        )
    from calculated
    left join set_limits
        on
            calculated.grain = set_limits.grain
            and calculated.client = set_limits.client
            and calculated.machine = set_limits.machine
            and coalesce(calculated.machine_model, '') = coalesce(set_limits.machine_model, '')
            and calculated.component = set_limits.component
            and calculated.essay = set_limits.essay
            and coalesce(calculated.unit, '') = coalesce(set_limits.unit, '')
)

select
    grain,
    client,
    machine,
    machine_model,
    component,
    essay,
    threshold_normal,
    threshold_alert,
    threshold_critic,
    lower_normal,
    lower_alert,
    lower_critic,
    n,
    n_units,
    n_nondetect,
    p90,
    p90_low,
    p90_high,
    p95,
    p95_low,
    p95_high,
    p98,
    p98_low,
    p98_high,
    p90_level as source_level_normal,
    p95_level as source_level_alert,
    p98_level as source_level_critic,
    case
        when threshold_critic is null then 'C'
        when p98_level = grain and p98_high is not null then 'A'
        else 'B'
    end as quality,
    policy,
    p50,
    unit
from limits
