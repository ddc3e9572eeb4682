{#-
  Essays that have a column in the wide tables, in published order.
  Empty if the seeds are not loaded: documentation can be written before the first run.
-#}
{% macro essays_with_a_column() -%}
    {%- set essays = ref('essays') -%}
    {%- if not execute or load_relation(essays) is none -%}{{ return([]) }}{%- endif -%}
    {%- set found = run_query("select essay, kind from " ~ essays ~ " where has_column order by position") -%}
    {{ return(found.rows) }}
{%- endmacro %}
