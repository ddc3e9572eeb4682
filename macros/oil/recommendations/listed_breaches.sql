{#-
  A list of breaches as text: the first ones with their values, the other critical ones by name, and the number of the
  rest. So the text is short and names every critical breach. It needs `phrases` with report.critical_too and report.more.
-#}
{% macro listed_breaches(breaches, with_values=5) -%}
    {%- set others = breaches ~ '[' ~ (with_values + 1) ~ ':]' -%}
    {%- set critical = 'list_filter(' ~ others ~ ', lambda breach: breach.rank = 3)' -%}
    {%- set critical_names = 'list_transform(' ~ critical ~ ', lambda breach: breach.name)' -%}
    {%- set names = "nullif(array_to_string(" ~ critical_names ~ ", ', '), '')" -%}
    {%- set count = 'nullif(len(list_filter(' ~ others ~ ', lambda breach: breach.rank < 3)), 0)' -%}
    concat_ws(
        ' ',
        concat_ws(
            ', ',
            array_to_string(list_transform({{ breaches }}[:{{ with_values }}], lambda breach: breach.said), ', '),
            {{ filled_phrase('phrases.report_critical_too', {'names': names}) }}
        ),
        {{ filled_phrase('phrases.report_more', {'count': 'cast(' ~ count ~ ' as varchar)'}) }}
    )
{%- endmacro %}
