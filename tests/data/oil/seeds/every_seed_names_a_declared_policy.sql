-- A misspelt policy in a seed would silently judge nothing.
{% set policy_seeds = [
    ref('aliases'), ref('policy_bands'), ref('policy_essays'), ref('policy_essay_points'), ref('policy_exclusions'),
    ref('policy_fixed_bands'), ref('policy_floors'), ref('policy_limit_levels'), ref('policy_rejections'),
    ref('policy_statuses'),
] %}

with

named as (
    {% for seed in policy_seeds -%}
        select distinct
            '{{ seed.identifier }}' as seed,
            policy
        from {{ seed }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    named.seed,
    named.policy
from named
left join {{ ref('policies') }} as policies on named.policy = policies.policy
where policies.policy is null
