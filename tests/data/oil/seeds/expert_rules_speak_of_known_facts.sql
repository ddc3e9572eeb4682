-- A rule that looks at a fact nobody has, or a code that no text names, would never match, and nobody would notice.
with

known as (
    select symbol as fact from {{ ref('essays') }}
    union
    select replace(essay_group, ' ', '') as fact from {{ ref('essays') }}
    union
    select unnest(['NoAditivo', 'Todos', 'oilMeter', 'componentHours']) as fact
)

select
    rule_id,
    condition
from {{ ref('expert_rule_conditions') }}
where
    fact not in (select fact from known)
    or other_fact not in (select fact from known)
    or (test = '=' and 'code.' || code not in (select text_id from {{ ref('texts_es') }}))
