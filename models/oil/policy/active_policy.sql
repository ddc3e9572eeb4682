-- One row: the parameters of the policy that judges this run.

with

policies as (
    select * from {{ ref('policies') }}
),

run_request as (
    select * from {{ source('control', 'run_request') }}
),

finest_levels as (
    select
        policy,
        arg_min(level, rank) as judging_level
    from {{ ref('policy_limit_levels') }}
    group by policy
)

select
    policies.*,
    finest_levels.judging_level
from policies
inner join run_request on policies.policy = run_request.policy
inner join finest_levels on policies.policy = finest_levels.policy
