-- Each rule has a name, a cause and steps, each step has a text, and each language has the same texts.
with

parts as (
    select unnest(['.name', '.cause', '.step1']) as part
),

wanted as (
    select expert_rules.rule_id || parts.part as text_id
    from {{ ref('expert_rules') }} as expert_rules
    cross join parts
    union
    select rule_id || '.step' || step from {{ ref('rule_steps') }}
    union
    select text_id from {{ ref('texts_es') }}
    union
    select text_id from {{ ref('texts_en') }}
)

select wanted.text_id
from wanted
left join {{ ref('texts_es') }} as spanish on wanted.text_id = spanish.text_id
left join {{ ref('texts_en') }} as english on wanted.text_id = english.text_id
where spanish.text_id is null or english.text_id is null
