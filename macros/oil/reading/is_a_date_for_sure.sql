{#- Whether a text is what a spreadsheet makes of `12-5`: `12-may`, or a day with the time of midnight. -#}
{% macro is_a_date_for_sure(text) -%}
    (
        regexp_full_match({{ text }}, '[0-9]{4}-[0-9]{2}-[0-9]{2}[ T]00:00:00([.]0+)?')
        or (
            regexp_full_match({{ text }}, '[0-3]?[0-9]-[A-Za-z]{3,4}[.]?')
            and lower(regexp_extract({{ text }}, '[A-Za-z]+')) in (select name from {{ ref('month_names') }})
        )
    )
{%- endmacro %}
