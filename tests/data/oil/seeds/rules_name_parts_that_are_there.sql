-- No cause or step of an expert rule names a part that a component family of the rule lacks. A part that only some
-- models have is named with its condition ("si lo tiene", "where there is one").
with

families as (
    select component from {{ ref('component_parts') }}
    union
    select name as component from {{ ref('aliases') }} where entity = 'component'
),

rules as (
    select
        rule_id,
        string_split(components, '|') as components
    from {{ ref('expert_rules') }}
),

rule_families as (
    select
        rules.rule_id,
        families.component
    from rules
    inner join families
        on
            list_contains(rules.components, families.component)
            or (
                list_contains(rules.components, '*')
                and families.component <> 'refrigerante'
                and not list_contains(rules.components, '-' || families.component)
            )
),

texts as (
    select
        'es' as language,
        *
    from {{ ref('texts_es') }}
    union all
    select
        'en' as language,
        *
    from {{ ref('texts_en') }}
),

named as (
    select
        split_part(texts.text_id, '.', 1) as rule_id,
        texts.text_id,
        texts.language,
        texts.text,
        words.part
    from texts
    inner join {{ ref('part_words') }} as words
        on
            texts.language = words.language
            and regexp_matches(texts.text, words.words, 'i')
            and not coalesce(regexp_matches(texts.text, nullif(words.conditional, ''), 'i'), false)
    where not ends_with(texts.text_id, '.name')
)

select
    named.text_id,
    named.language,
    named.part,
    rule_families.component,
    named.text
from named
inner join rule_families on named.rule_id = rule_families.rule_id
left join {{ ref('component_parts') }} as parts
    on named.part = parts.part and rule_families.component = parts.component and parts.presence = 'always'
where parts.part is null
