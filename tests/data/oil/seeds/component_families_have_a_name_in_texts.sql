-- A family without a name of its own would be called a component in texts, and share wordings with all such.
with

families as (
    select name as family
    from {{ ref('aliases') }}
    where entity = 'component' and policy = 'default'
    union
    select ltrim(unnest(components), '-') as family
    from {{ ref('expert_rule_conditions') }}
)

select families.family
from families
left join {{ ref('texts_es') }} as texts on 'component.' || families.family = texts.text_id
where texts.text_id is null and families.family <> '*'
