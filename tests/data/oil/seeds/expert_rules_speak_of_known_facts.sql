-- A rule that looks at a fact nobody has, or a code that no text names, would never match, and nobody would notice.
with

known as (
    select replace(symbol, ' ', '') as fact from {{ ref('essays') }}
    union
    select replace(essay_group, ' ', '') as fact from {{ ref('essays') }}
    union
    select unnest([
        'NoAditivo', 'Todos', 'oilMeter', 'oilHours', 'componentHours', 'machineHours', 'oilChanged', 'filterChanged',
        'oilGrade', 'oilStandard'
    ]) as fact
)

select
    rule_id,
    condition
from {{ ref('expert_rule_conditions') }}
where
    fact not in (select fact from known)
    or other_fact not in (select fact from known)
    or (
        test in ('=', '←')
        and code <> '?'
        and try_cast(code as double) is null
        and fact not in ('oilChanged', 'filterChanged', 'oilGrade', 'oilStandard')
        and 'code.' || code not in (select text_id from {{ ref('texts_es') }})
    )
    or (test in ('=', '←') and fact in ('oilChanged', 'filterChanged') and code not in ('Y', 'N', 'U', '?'))
    or (fact = 'oilGrade' and test <> '?' and code not in ('inside', 'below', 'above'))
    or (fact = 'oilStandard' and test <> '?' and code not in ('J300', 'J306'))
