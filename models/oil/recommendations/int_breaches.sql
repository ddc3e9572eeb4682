-- One row per judged report × essay in breach: how a text names it, its value and its limit, in the run's language.

with

reports as (
    select * from {{ ref('int_report_status') }}
),

essays as (
    select * from {{ ref('essays') }}
),

texts as (
    select * from {{ ref('texts') }}
),

bands as (
    select policy_bands.*
    from {{ ref('policy_bands') }} as policy_bands
    inner join {{ ref('active_policy') }} as active_policy on policy_bands.policy = active_policy.policy
),

decimal_sign as (
    select any_value(text) as sign from texts where text_id = 'decimal'
),

breaches as (
    select
        results.row_id,
        results.essay,
        results.essay_group,
        results.censoring,
        results.code,
        results.value,
        results.limit_value,
        results.status,
        results.status_points,
        bands.rank,
        coalesce(units.text, results.unit) as unit_text
    from {{ ref('classified_results') }} as results
    inner join reports on results.row_id = reports.row_id
    inner join bands on results.status = bands.band
    left join texts as units on 'unit.' || results.unit = units.text_id
)

select
    breaches.row_id,
    breaches.essay,
    breaches.essay_group,
    breaches.rank,
    breaches.status_points,
    case
        when breaches.code is not null then coalesce(codes.text, other_code.text)
        else concat(
            breaches.censoring, {{ number_text('breaches.value') }},
            case when breaches.unit_text <> '' then concat(' ', breaches.unit_text) end
        )
    end as value_text,
    {{ number_text('breaches.limit_value') }} as limit_text,
    band_texts.text as band_text,
    breaches.unit_text
from breaches
cross join decimal_sign
inner join texts as band_texts on 'band.' || breaches.status = band_texts.text_id
inner join texts as other_code on other_code.text_id = 'code.other'
left join texts as codes on 'code.' || breaches.code = codes.text_id
