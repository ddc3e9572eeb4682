{#-
  One row per row of a relation (laboratory, text), the text taken apart: a sign or word before the digits, the digits,
  and a flag or unit behind them. A text without digits has none. The seeds `value_flags` and `unit_texts` know the words.
  Under a policy that does not understand texts, a number stands alone, or behind a sign and before a per cent sign.
-#}
{% macro number_parts(texts) -%}
with

cleaned as (
    select
        laboratory,
        text,
        {{ clean_text('text') }} as clean
    from {{ texts }} -- noqa
),

parted as (
    select
        *,
        regexp_extract(
            clean,
            '^(.*?) ?([+-]? ?(?:[0-9][0-9.,]*(?:[ ''][0-9]{3}[0-9.,]*)*|[.,][0-9]+)(?:[eE][+-]?[0-9]+)?)(?: ?([^0-9., ].*))?$',
            ['before', 'digits', 'after']
        ) as part
    from cleaned
),

worded as (
    select
        laboratory,
        text,
        clean,
        replace(part.digits, ' ', '') as unspaced,
        part.digits as digits,
        if(part.before = '', '', normal_form(part.before)) as before,
        if(part.after = '', '', normal_form(part.after)) as after,
        regexp_full_match(part.after, '\pL+') as is_ending_one_word,
        -- The name in `5-Jan`, `ene-26` and `5 de enero`.
        lower(strip_accents(regexp_extract(clean, '^([0-9]{1,4}[-/. ]*)?(?:de )?([\pL]{3,10})[.]?[-/. ]*([0-9]{1,4})?$', 2)))
            as month
    from parted
),

flags as (
    select
        laboratories.laboratory,
        normal_form(flags.flag) as form,
        flags.place,
        flags.meaning
    from {{ ref('value_flags') }} as flags
    inner join (select distinct laboratory from worded) as laboratories
        on flags.laboratory in ('*', laboratories.laboratory)
    qualify
        row_number() over (
            partition by laboratories.laboratory, form, flags.place order by flags.laboratory = '*', flags.meaning
        ) = 1
),

beginnings as (
    select * from flags where place = 'before'
),

units as (
    select
        form,
        min(unit) as unit
    from (
        select
            unnest([text, '(' || text || ')', '[' || text || ']']) as written,
            normal_form(written) as form,
            unit
        from {{ ref('unit_texts') }}
    )
    group by form
),

-- A flag may stand on either side of a unit. A text that is a flag and a unit is both. A letter is a flag only where it
-- stands apart: `12 mi L` is 12 miles and low, `12 mil` is not.
endings as (
    select
        flags.laboratory,
        flags.form,
        flags.meaning,
        units.unit,
        true as is_flag,
        false as stands_apart
    from flags
    left join units on flags.form = units.form
    where flags.place = 'after'
    union all
    select
        laboratories.laboratory,
        units.form,
        null as meaning,
        units.unit,
        false as is_flag,
        false as stands_apart
    from units
    cross join (select distinct laboratory from worded) as laboratories
    union all
    select
        flags.laboratory,
        unnest([flags.form || units.form, units.form || flags.form]) as form,
        flags.meaning,
        units.unit,
        false as is_flag,
        regexp_full_match(flags.form, '\pL+') as stands_apart
    from flags
    cross join units
    where flags.place = 'after'
),

known_endings as (
    select * from endings
    where form in (select after from worded)
    qualify row_number() over (partition by laboratory, form order by is_flag desc, stands_apart, meaning, unit) = 1
)

select
    worded.laboratory,
    worded.text,
    case
        when not active_policy.understands_texts
            then regexp_replace(worded.text, '^(<=|>=|<|>|≤|≥)\s*|[\s%]+$', '', 'g')
        when regexp_full_match(worded.digits, '[+-]? ?[1-9][0-9]{0,2}([ ''][0-9]{3})+([.,][0-9]+)?')
            then replace(worded.unspaced, '''', '')
        when not regexp_matches(worded.digits, '[0-9][ '']') then worded.unspaced
    end as digits,
    case
        when not active_policy.understands_texts
            then nullif(translate(left(regexp_extract(worded.text, '^[<>≤≥]'), 1), '≤≥', '<>'), '')
        when coalesce(beginnings.meaning, endings.meaning) = 'below' then '<'
        when coalesce(beginnings.meaning, endings.meaning) = 'above' then '>'
    end as censoring,
    case when active_policy.understands_texts then endings.unit end as unit,
    coalesce(endings.is_flag, false) as is_flag,
    worded.before = '' or beginnings.form is not null or not active_policy.understands_texts as is_beginning_known,
    worded.after = '' or endings.form is not null or not active_policy.understands_texts as is_ending_known,
    regexp_matches(worded.after, '^[/#]?[ ]?[\pL%°]') as is_ending_a_word,
    active_policy.understands_texts
    and (
        regexp_full_match(worded.clean, '([0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}|[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{4})([T ].*)?')
        or worded.month in (select normal_form(name) from {{ ref('month_names') }})
    ) as is_a_date,
    active_policy.understands_texts
from worded
cross join {{ ref('active_policy') }} as active_policy
left join beginnings on worded.laboratory = beginnings.laboratory and worded.before = beginnings.form
left join known_endings as endings
    on
        worded.laboratory = endings.laboratory
        and worded.after = endings.form
        and not (endings.stands_apart and worded.is_ending_one_word)
{%- endmacro %}
