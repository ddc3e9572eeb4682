{#- Essays that have a column of their own in the wide tables, in published order. -#}
{% macro essays_with_a_column() -%}
    {%- if not execute -%}{{ return([]) }}{%- endif -%}
    {%- set found = run_query(
        "select essay, kind from " ~ ref('essays') ~ " where has_column order by position"
    ) -%}
    {{ return(found.rows) }}
{%- endmacro %}
