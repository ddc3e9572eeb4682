{#-
  The timestamp in a laboratory's text: every ISO 8601 form (calendar, week and ordinal dates, with or without a time and
  a zone), Excel serial days, and dates with the day or the month first. In UTC if the text has a zone, else unchanged.
-#}
{% macro parse_timestamp(text, day_first) -%}
    {%- set parted = "regexp_replace(" ~ text ~ ", '[./]', '-', 'g')" -%}
    case
        when regexp_full_match({{ text }}, '[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.,]+ ?(Z|z|[+-][0-9]{2}(:?[0-9]{2})?)')
            then timezone('UTC', try_cast(replace({{ text }}, ',', '.') as timestamptz))
        when regexp_full_match({{ text }}, '[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([T ][0-9:.,]+)?')
            then try_cast(replace({{ text }}, ',', '.') as timestamp)
        when regexp_full_match({{ text }}, '[0-9]{4}/[0-9]{1,2}/[0-9]{1,2}([T ][0-9:.]+)?')
            then try_cast({{ text }} as timestamp)
        when regexp_full_match({{ text }}, '[0-9]{8}T[0-9]{6}Z?')
            then try_strptime(rtrim({{ text }}, 'Z'), '%Y%m%dT%H%M%S')
        when regexp_full_match({{ text }}, '[0-9]{8}') then try_strptime({{ text }}, '%Y%m%d')
        when regexp_full_match({{ text }}, '[0-9]{4}-W[0-9]{2}-[1-7]') then try_strptime({{ text }}, '%G-W%V-%u')
        when regexp_full_match({{ text }}, '[0-9]{4}-[0-9]{3}') then try_strptime({{ text }}, '%Y-%j')
        when regexp_full_match({{ text }}, '[2-7][0-9]{4}([.][0-9]+)?')
            then timestamp '1899-12-30' + to_microseconds(cast(round(cast({{ text }} as double) * 86400) as bigint) * 1000000)
        when regexp_full_match({{ parted }}, '[0-9]{1,2}-[0-9]{1,2}-([0-9]{4}|[0-9]{2})( [0-9:]+)?')
            then
                case
                    when {{ day_first }} then try_strptime({{ parted }}, {{ written_date_formats('%d-%m') }})
                    else try_strptime({{ parted }}, {{ written_date_formats('%m-%d') }})
                end
    end
{%- endmacro %}


{#- Formats with two-digit years come first: `%Y` would read 25 as the year 25. -#}
{% macro written_date_formats(day_and_month) -%}
    [
    {%- for year in ['%y', '%Y'] -%}
        {%- for time in ['', ' %H:%M', ' %H:%M:%S'] -%}
            '{{ day_and_month }}-{{ year }}{{ time }}'{{ ', ' if not (loop.last and year == '%Y') }}
        {%- endfor -%}
    {%- endfor -%}
    ]
{%- endmacro %}
