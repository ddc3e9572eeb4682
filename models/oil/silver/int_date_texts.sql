-- One row per distinct date text, taken apart once, however many samples carry it. Where only the order of day and
-- month tells two days apart, it has both, and the form in which it is written. `26/01/15` has a third one. Names of
-- months become numbers, names of zones offsets, other known words nothing: then few forms are left.

with

row_fields as (
    select * from {{ ref('stg_row_fields') }}
),

texts as (
    {% for field in ['sampleDate', 'labDate', 'reportDate'] -%}
        {{ 'union' if not loop.first }}
        select {{ field }} as text
        from row_fields
        where {{ field }} is not null
    {% endfor %}
),

words as (
    select
        lower(strip_accents(name)) as word,
        format('m{:02d}', month) as meaning
    from {{ ref('month_names') }}
    union all
    select
        name as word,
        utc_offset as meaning
    from {{ ref('zone_names') }}
    union all
    select
        word,
        '' as meaning
    from {{ ref('date_fillers') }}
),

-- Without accents two names may be one word.
meanings as (
    select
        word,
        min(meaning) as meaning
    from words
    group by word
),

dictionary as (
    select map_from_entries(list((word, meaning))) as meanings
    from meanings
),

-- Without a footnote, a word in brackets behind it, and the mark that keeps it a text in a spreadsheet.
plain as (
    select
        text,
        trim(
            regexp_replace(
                lower(strip_accents({{ clean_text('text') }})),
                '^[''*†‡#]+|[ ]*([*†‡#⁰¹²³⁴⁵⁶⁷⁸⁹]+|\([^()0-9]*\)|\([0-9]\))$', '', 'g'
            )
        ) as plain
    from texts
),

-- A program writes the milliseconds since 1970 as /Date(1767582000000)/.
unwrapped as (
    select
        text,
        regexp_replace(plain, '^/date\(([0-9]+)([+-][0-9]{4})?\)/$', '\1') as plain
    from plain
),

-- Forms that a pattern tells best: p. m., UTC-3, 15h05, 20260105T150500, and a zone behind a day.
formed as (
    select
        text,
        plain,
        regexp_replace(
            regexp_replace(
                regexp_replace(
                    regexp_replace(
                        regexp_replace(plain, '\b([ap])[.]? ?m\b[.]?', '\1m', 'g'),
                        '\b(utc|gmt) ?([+-][0-9])', '\2'
                    ),
                    '([0-9])h([0-9]{2})', '\1:\2'
                ),
                '^([0-9]{8})t?([0-9]{2})([0-9]{2})([0-9]{2})', '\1 \2:\3:\4'
            ),
            '^([0-9]{4}-[0-9]{2}-[0-9]{2})(z|[+-][0-9]{2}:[0-9]{2})$', '\1'
        ) as formed
    from unwrapped
),

named as (
    select
        formed.text,
        formed.plain,
        case
            when regexp_matches(formed.formed, '[a-z]')
                then
                    array_to_string(
                        list_transform(
                            regexp_extract_all(formed.formed, '[a-z]+[.]?|[^a-z]+'),
                            lambda token: coalesce(
                                list_extract(map_extract(dictionary.meanings, rtrim(token, '.')), 1), token
                            )
                        ),
                        ''
                    )
            else formed.formed
        end as named
    from formed
    cross join dictionary
),

parted as (
    select
        text,
        regexp_full_match(plain, '[2-7][0-9]{4}([.,][0-9]+)?') as is_serial,
        replace(plain, ',', '.') as serial,
        -- Seconds or milliseconds since 1970, from 2001 to 2033, as programs count them.
        try_cast(regexp_extract(plain, '^(1[0-9]{9})([0-9]{3})?([.]0+)?$', 1) as bigint) as epoch_seconds,
        regexp_extract(
            trim(
                regexp_replace(
                    replace(regexp_replace(named, '(:[0-9]{2}),([0-9]+)', '\1.\2'), ',', ' '), ' +', ' ', 'g'
                ),
                ' .-'
            ),
            '^(.*?)(?:[t ] ?([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}(?:[.][0-9]+)?))? ?(am|pm)? ?'
            || '([+-][0-9]{1,2}(?::?[0-9]{2})?)?)?$',
            ['day', 'hour', 'minute', 'second', 'half', 'zone']
        ) as part
    from named
),

days as (
    select
        text,
        is_serial,
        case when is_serial then try_cast(serial as double) end as serial,
        epoch_seconds,
        part.hour <> '' as has_time,
        part.zone as zone,
        part.half as half_day,
        case when part.hour = '' then interval 0 hours else {{ parse_time_of_day('part') }} end as time_of_day,
        {{ parse_day(as_year_month_day('part.day')) }} as day,
        {{ parse_day(as_year_month_day('part.day', month_first=true)) }} as other_day,
        case
            when regexp_full_match(part.day, '[0-9]{2}([-/. ])[0-9]{1,2}[-/. ][0-9]{2}')
                then {{ parse_day("regexp_replace(part.day, '[/. ]', '-', 'g')") }}
        end as year_first_day,
        regexp_extract(part.day, '^[0-9]{1,2}([-/. ])[0-9]{1,2}[-/. ]([0-9]{2}|[0-9]{4})$', ['mark', 'year']) as written
    from parted
),

zoned as (
    select
        *,
        case
            when epoch_seconds is not null then 0
            when zone <> ''
                then
                    if(zone[1] = '-', -1, 1)
                    * (
                        60 * try_cast(regexp_extract(zone, '^.([0-9]{1,2})', 1) as integer)
                        + coalesce(try_cast(regexp_extract(zone, '^.[0-9]{1,2}:?([0-9]{2})$', 1) as integer), 0)
                    )
        end as minutes_from_utc
    from days
)

select
    text,
    is_serial,
    case
        when is_serial
            then timestamp '1899-12-30' + to_microseconds(cast(round(serial * 86400) as bigint) * 1000000)
        when epoch_seconds is not null then epoch_ms(epoch_seconds * 1000)
        else day + time_of_day - to_minutes(coalesce(minutes_from_utc, 0))
    end as written_at,
    case when written.mark <> '' then other_day + time_of_day - to_minutes(coalesce(minutes_from_utc, 0)) end
        as month_first_at,
    year_first_day + time_of_day - to_minutes(coalesce(minutes_from_utc, 0)) as year_first_at,
    case when written.mark <> '' then concat(written.mark, len(written.year), has_time, half_day) end as form,
    minutes_from_utc,
    case
        when epoch_seconds is not null then epoch_seconds % 86400 = 0
        else coalesce(minutes_from_utc = 0 and time_of_day = interval 0 hours, false)
    end as is_midnight_utc
from zoned
