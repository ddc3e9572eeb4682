-- One row per distinct date text of a client: each is read once, however many samples carry it.

with

row_fields as (
    select * from {{ ref('stg_row_fields') }}
),

laboratories as (
    select * from {{ ref('laboratories') }}
),

texts as (
    select
        client,
        laboratory,
        time_zone,
        sampleDate as text
    from row_fields where sampleDate is not null
    union
    select
        client,
        laboratory,
        time_zone,
        labDate
    from row_fields where labDate is not null
    union
    select
        client,
        laboratory,
        time_zone,
        reportDate
    from row_fields where reportDate is not null
),

moments as (
    select
        texts.client,
        texts.text,
        texts.time_zone,
        regexp_full_match(texts.text, '.*[0-9] ?(Z|z|[+-][0-9]{2}(:?[0-9]{2})?)') and contains(texts.text, ':')
            as has_zone,
        laboratories.utc_midnight_is_a_date
        and regexp_full_match(texts.text, '.*[T ]00:00(:00([.]0+)?)?(Z|z|[+]00(:?00)?)')
            as is_bare_date,
        {{ parse_timestamp('texts.text', 'laboratories.day_first') }} as written_at
    from texts
    inner join laboratories on texts.laboratory = laboratories.laboratory
)

select
    client,
    text,
    written_at,
    case
        when has_zone and not is_bare_date
            then cast(timezone(time_zone, timezone('UTC', written_at)) as date)
        else cast(written_at as date)
    end as local_date
from moments
where written_at between timestamp '1980-01-01' and timestamp '2100-01-01'
