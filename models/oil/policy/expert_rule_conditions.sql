-- One row per expert rule × condition × alternative of its pattern.
-- A pattern such as `Si↑ Si/Al≥2 Fe↑|Cr↑` has conditions between spaces, each with alternatives between bars.

with

conditions as (
    select
        rule_id,
        components,
        generality,
        urgency,
        unnest(string_split(pattern, ' ')) as condition,
        generate_subscripts(string_split(pattern, ' '), 1) as condition_number,
        len(string_split(pattern, ' ')) as conditions
    from {{ ref('expert_rules') }}
),

alternatives as (
    select
        * exclude (condition),
        unnest(string_split(condition, '|')) as condition -- noqa: RF04
    from conditions
),

parsed as (
    select
        *,
        -- Fact, other fact of a ratio, test, reference of the comparison.
        regexp_extract(
            condition,
            '^([^↗↑⇑↓⇓~=≥≤?←/]+)(?:/([^↗↑⇑↓⇓~=≥≤?←/]+))?([↗↑⇑↓⇓~=≥≤?←])(.*)$',
            ['fact', 'other', 'test', 'operand']
        ) as part,
        -- Median of the group, value of the previous sample or of the same oil, times, plus or minus a number.
        regexp_extract(condition, '[≥≤]([mps])([×+-])([0-9.]+)$', ['base', 'sign', 'number']) as relative
    from alternatives
)

select
    rule_id,
    regexp_extract(rule_id, '^[A-Z]+[0-9]+') as rule_family,
    string_split(components, '|') as components,
    generality,
    urgency,
    conditions,
    condition_number,
    condition,
    part.fact as fact,
    nullif(part.other, '') as other_fact,
    part.test as test,
    case when part.test in ('=', '←') then part.operand end as code,
    case
        when relative.base = 'm' then 'median'
        when relative.base = 'p' then 'previous'
        when relative.base = 's' then 'same oil'
        when part.other <> '' then 'other'
    end as base,
    case
        when relative.sign = '×' then try_cast(relative.number as double)
        when relative.sign in ('+', '-') then 1
        when part.other <> '' then try_cast(part.operand as double)
    end as factor,
    case
        when relative.sign = '+' then try_cast(relative.number as double)
        when relative.sign = '-' then -try_cast(relative.number as double)
        when part.other = '' and relative.base = '' then try_cast(part.operand as double)
    end as addend
from parsed
