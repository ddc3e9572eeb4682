-- One row per judged report × essay in breach: how a text says it, in the run's language.

with

reports as (
    select * from {{ ref('int_report_status') }}
),

facts as (
    select * from {{ ref('int_facts') }} where essay is not null
),

hours as (
    select * from {{ ref('int_facts') }} where fact = 'oilHours'
),

rules as (
    select * from {{ ref('matched_rules') }} where place = 1
),

texts as (
    select * from {{ ref('texts') }}
),

phrases as (
    {{ phrases([
        'breach.limit', 'breach.before', 'breach.fell', 'breach.rose', 'breach.limit_low', 'breach.before_low',
        'breach.fell_low', 'breach.rose_low', 'breach.code', 'code.other', 'decimal'
    ]) }}
),

bands as (
    select policy_bands.*
    from {{ ref('policy_bands') }} as policy_bands
    inner join {{ ref('active_policy') }} as active_policy on policy_bands.policy = active_policy.policy
),

breaches as (
    select
        results.row_id,
        results.essay,
        coalesce(names.text, results.essay) as name, -- noqa: RF04
        results.essay_group,
        results.status,
        results.status_points,
        bands.rank,
        band_texts.text as band,
        coalesce(units.text, results.unit) as unit,
        case
            when results.code is not null then coalesce(codes.text, phrases.code_other)
            else concat(results.censoring, {{ number_text('reported.value', 'phrases.decimal') }})
        end as value_text,
        results.code is not null as is_code,
        {{ number_text('results.limit_value', 'phrases.decimal') }} as limit_text,
        concat(facts.previous_censoring, {{ number_text('facts.previous_reported', 'phrases.decimal') }})
            as before_text,
        results.direction = 'lower' as is_low,
        {{ how_often('results.limit_value', 'results.value', 'results.direction = \'lower\'') }} as times,
        {{ how_often('facts.previous_value', 'results.value') }} as change,
        results.value / nullif(facts.same_oil_low, 0) as over_same_oil_low,
        results.value / nullif(facts.same_oil_high, 0) as over_same_oil_high,
        (results.value / hours.value) / nullif(facts.previous_value / hours.previous_value, 0) as rate_change,
        coalesce(list_contains(rules.evidence, results.essay), false) as is_evidence
    from {{ ref('classified_results') }} as results
    cross join phrases
    inner join reports on results.row_id = reports.row_id
    inner join bands on results.status = bands.band
    inner join texts as band_texts on 'band.' || results.status = band_texts.text_id
    -- A result below detection counts as 0. The text shows what the laboratory wrote.
    inner join {{ ref('results') }} as reported on results.row_id = reported.row_id and results.essay = reported.essay
    left join facts on results.row_id = facts.row_id and results.essay = facts.essay
    left join hours on results.row_id = hours.row_id
    left join rules on results.row_id = rules.row_id
    left join texts as names on 'essay.' || results.essay = names.text_id
    left join texts as codes on 'code.' || results.code = codes.text_id
    left join texts as units on 'unit.' || results.unit = units.text_id
),

measured as (
    select
        * exclude (value_text, is_code, unit, before_text),
        nullif(before_text, '') as before_text,
        case when is_code or unit = '' then value_text else concat(value_text, ' ', unit) end as value_text,
        {{ band_of('trend', 'breaches.change') }} as trend,
        {{ band_of('same_oil', 'breaches.over_same_oil_low') }} = 'agrees'
        and {{ band_of('same_oil', 'breaches.over_same_oil_high') }} = 'agrees' as same_oil_agrees
    from breaches
)

select
    measured.*,
    -- Breaches that count for the status come first.
    row_number() over (
        partition by measured.row_id
        order by
            measured.is_evidence desc,
            measured.status_points > 0 desc,
            measured.rank desc,
            measured.status_points desc,
            measured.essay asc
    ) as place,
    {{ filled_phrase(
        'case when measured.limit_text is null then phrases.breach_code'
        ~ ' when measured.is_low then phrases.breach_limit_low else phrases.breach_limit end', {
            'essay': 'measured.name', 'value': 'measured.value_text', 'band': 'measured.band',
            'limit': "coalesce(measured.limit_text, '')",
        }
    ) }} as said,
    -- Null without a limit or a previous sample.
    {{ filled_phrase(
        "case measured.trend"
        ~ " when 'fell' then if(measured.is_low, phrases.breach_fell_low, phrases.breach_fell)"
        ~ " when 'rose' then if(measured.is_low, phrases.breach_rose_low, phrases.breach_rose)"
        ~ " else if(measured.is_low, phrases.breach_before_low, phrases.breach_before) end", {
            'essay': 'measured.name', 'value': 'measured.value_text', 'band': 'measured.band',
            'limit': 'measured.limit_text', 'before': 'measured.before_text',
        }
    ) }} as said_with_before
from measured
cross join phrases
