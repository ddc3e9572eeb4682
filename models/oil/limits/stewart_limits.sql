-- One row per client × machine × component × essay: the published alarm limits.

with

limits as (
    select * from {{ ref('int_limits') }} where grain = 'machine'
),

versions as (
    -- The version is a fingerprint of a client's limits: equal limits have the same version at any time. It has no
    -- units, so that limits that an earlier release calculated keep their version.
    select
        client,
        any_value(policy) || '-' || left(md5(string_agg(
            concat_ws(
                '|', grain, machine, machine_model, component, essay, threshold_normal, threshold_alert,
                threshold_critic, lower_normal, lower_alert, lower_critic, p50
            ), chr(10)
            order by grain, machine, machine_model, component, essay, unit
        )), 12) as limits_version
    from {{ ref('int_limits') }}
    group by client
)

select
    limits.client,
    limits.machine,
    limits.component,
    limits.essay,
    limits.threshold_normal,
    limits.threshold_alert,
    limits.threshold_critic,
    limits.n as count, -- noqa: RF04
    limits.lower_normal,
    limits.lower_alert,
    limits.lower_critic,
    limits.n_units,
    limits.n_nondetect,
    limits.p90,
    limits.p90_low,
    limits.p90_high,
    limits.p95,
    limits.p95_low,
    limits.p95_high,
    limits.p98,
    limits.p98_low,
    limits.p98_high,
    limits.quality,
    limits.source_level_normal,
    limits.source_level_alert,
    limits.source_level_critic,
    versions.limits_version,
    limits.unit
from limits
inner join versions on limits.client = versions.client
