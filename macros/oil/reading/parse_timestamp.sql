{#-
  The forms of a calendar date as regular expressions, once names of months are numbers (`m01`): what it is written as
  (year-month-day), and the same with the month first where only the order tells them apart.
-#}
{% macro date_forms() -%}
    {%- set s = '[-/. ]' -%}
    {{ return([
        ('([0-9]{4})' ~ s ~ '([0-9]{1,2})' ~ s ~ '([0-9]{1,2})', '\\1-\\2-\\3', none),
        ('([0-9]{1,2})' ~ s ~ '([0-9]{1,2})' ~ s ~ '([0-9]{4}|[0-9]{2})', '\\3-\\2-\\1', '\\3-\\1-\\2'),
        ('([0-9]{1,2})' ~ s ~ '*m([0-9]{2})' ~ s ~ '*([0-9]{4}|[0-9]{2})', '\\3-\\2-\\1', none),
        ('m([0-9]{2})' ~ s ~ '*([0-9]{1,2})' ~ s ~ '+([0-9]{4}|[0-9]{2})', '\\3-\\1-\\2', none),
        ('([0-9]{4})' ~ s ~ '*m([0-9]{2})' ~ s ~ '*([0-9]{1,2})', '\\1-\\2-\\3', none),
        ('([0-9]{4})([0-9]{2})([0-9]{2})', '\\1-\\2-\\3', none),
    ]) }}
{%- endmacro %}


{#- The text of a date as year-month-day; the text itself where it has no such form. -#}
{% macro as_year_month_day(text, month_first=false) -%}
    case
        {% for pattern, day_first_form, month_first_form in date_forms() -%}
    when regexp_full_match({{ text }}, '{{ pattern }}')
                then regexp_replace(
                    {{ text }}, '{{ pattern }}',
                    '{{ month_first_form if month_first and month_first_form else day_first_form }}'
                )
        {% endfor -%}
    else {{ text }}
    end
{%- endmacro %}


{#-
  The day in a text of the form year-month-day, an ISO week or an ordinal date; null for a day that no calendar has. A
  year of two digits comes first: `%Y` would read 25 as the year 25.
-#}
{% macro parse_day(text) -%}
    case
        when regexp_full_match({{ text }}, '[0-9]{4}-?w[0-9]{2}-?[1-7]')
            then try_strptime(regexp_replace({{ text }}, '([0-9]{4})-?w([0-9]{2})-?', '\1-\2-'), '%G-%V-%u')
        when regexp_full_match({{ text }}, '[0-9]{4}-[0-9]{3}') then try_strptime({{ text }}, '%Y-%j')
        else try_strptime({{ text }}, ['%y-%m-%d', '%Y-%m-%d'])
    end
{%- endmacro %}


{#- The time of day in hours, minutes, seconds and `am` or `pm` as an interval; null where no clock shows it. -#}
{% macro parse_time_of_day(time) -%}
    case
        when try_cast({{ time }}.minute as integer) > 59 or {{ time }}.second[1:2] > '59' then null
        when {{ time }}.half = '' and try_cast({{ time }}.hour as integer) > 24 then null
        when {{ time }}.half = 'am' and try_cast({{ time }}.hour as integer) > 12 then null
        when {{ time }}.half = 'pm' and try_cast({{ time }}.hour as integer) > 23 then null
        else
            to_hours(
                try_cast({{ time }}.hour as integer)
                + case
                    when {{ time }}.half = 'pm' and try_cast({{ time }}.hour as integer) < 12 then 12
                    when {{ time }}.half = 'am' and try_cast({{ time }}.hour as integer) = 12 then -12
                    else 0
                end
            )
            + to_minutes(try_cast({{ time }}.minute as integer))
            + to_microseconds(
                cast(round(coalesce(try_cast(replace({{ time }}.second, ',', '.') as double), 0) * 1000000) as bigint)
            )
    end
{%- endmacro %}
