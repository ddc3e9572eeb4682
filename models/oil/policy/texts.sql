-- One row per text of a recommendation, in the language of this run.

with

run_request as (
    select * from {{ source('control', 'run_request') }}
),

every_language as (
    select
        'es' as language,
        text_id,
        text
    from {{ ref('texts_es') }}
    union all
    select
        'en' as language,
        text_id,
        text
    from {{ ref('texts_en') }}
)

select
    every_language.text_id,
    coalesce(every_language.text, '') as text -- noqa: RF04
from every_language
inner join run_request on every_language.language = run_request.language
