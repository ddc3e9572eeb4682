{{ config(materialized='view') }}

-- One row per judged group × essay, at the grain of the machine and of its model: each percentile from the closest
-- level that has enough samples for it. Levels go from the group itself to its parents (model, machine, component).

{% set uppers = [('Marginal', 'p90'), ('Condenatorio', 'p95'), ('Critico', 'p98')] %}

with

active_policy as (
    select * from {{ ref('active_policy') }}
),

bands as (
    select
    {% for band, percentile in uppers -%}
            max(case when policy_bands.band = '{{ band }}' then policy_bands.min_n end)
                as min_n_{{ percentile }}{{ ',' if not loop.last }}
    {% endfor %}
    from {{ ref('policy_bands') }} as policy_bands
    inner join active_policy on policy_bands.policy = active_policy.policy
),

levels as (
    select
        policy_limit_levels.level,
        policy_limit_levels.rank
    from {{ ref('policy_limit_levels') }} as policy_limit_levels
    inner join active_policy on policy_limit_levels.policy = active_policy.policy
),

percentiles as (
    select
        group_percentiles.*,
        levels.rank
    from {{ ref('group_percentiles') }} as group_percentiles
    inner join levels on group_percentiles.level = levels.level
    cross join active_policy
    where
        group_percentiles.n_distinct >= active_policy.min_distinct_values
        and group_percentiles.n_used >= active_policy.min_nonzero_values
),

groups as (
    select
        level as grain,
        client,
        machine,
        machine_model,
        component,
        essay,
        unit,
        n,
        n_units,
        n_nondetect
    from {{ ref('group_percentiles') }}
    where level in ('model', 'machine')
),

candidates as (
    select
        groups.grain,
        groups.client,
        groups.machine,
        groups.machine_model,
        groups.component,
        groups.essay,
        groups.unit,
        percentiles.* exclude (client, machine, machine_model, component, essay, unit)
    from groups
    inner join percentiles
        on
            groups.client = percentiles.client
            and groups.component = percentiles.component
            and groups.essay = percentiles.essay
            and groups.unit is not distinct from percentiles.unit
            and (percentiles.machine is null or groups.machine = percentiles.machine)
            and (percentiles.machine_model is null or groups.machine_model = percentiles.machine_model)
),

borrowed as (
    select
        candidates.grain,
        candidates.client,
        candidates.machine,
        candidates.machine_model,
        candidates.component,
        candidates.essay,
        candidates.unit,
        arg_min(candidates.p50, candidates.rank) filter (where candidates.n >= bands.min_n_p90) as p50,
        {% for _, percentile in uppers -%}
            {%- set enough = "candidates.n >= bands.min_n_" ~ percentile -%}
            {%- for column in [percentile, percentile ~ '_low', percentile ~ '_high', 'level', 'n'] -%}
                arg_min(candidates.{{ column }}, candidates.rank) filter (where {{ enough }})
                    as {{ column if column.startswith(percentile) else percentile ~ '_' ~ column }},
            {% endfor -%}
        {% endfor -%}
    {% for lower, upper in [('p10', 'p90'), ('p05', 'p95'), ('p02', 'p98')] -%}
        arg_min(candidates.{{ lower }}, candidates.rank) filter (where candidates.n >= bands.min_n_{{ upper }})
            as {{ lower }}{{ ',' if not loop.last }}
    {% endfor %}
    from candidates
    cross join bands
    group by all
)

select
    borrowed.*,
    groups.n,
    groups.n_units,
    groups.n_nondetect
from borrowed
inner join groups
    on
        borrowed.grain = groups.grain
        and borrowed.client = groups.client
        and borrowed.machine = groups.machine
        and borrowed.machine_model is not distinct from groups.machine_model
        and borrowed.component = groups.component
        and borrowed.essay = groups.essay
        and borrowed.unit is not distinct from groups.unit
