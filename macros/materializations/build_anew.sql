{#-
  Make a table from a model's code, in place of the one that is there. `filled` is the table that a Python model has
  filled beside its own, if it is one: it gets the name.
  dbt-duckdb makes each table under another name and renames twice; DuckDB can drop and create in one transaction, which
  every reader sees at once and which takes a third of the time.
-#}
{% macro build_anew(existing, target, filled) -%}
    {%- call statement('main') -%}
        {% if existing is not none -%}
            drop {{ existing.type }} if exists {{ existing }};
        {%- endif %}
        {% if filled -%}
            alter table {{ filled }} rename to {{ adapter.quote(target.identifier) }};
        {%- else -%}
            {{ create_table_as(False, target, compiled_code, 'sql') }}
        {%- endif %}
    {%- endcall -%}
{%- endmacro %}


{#- A table beside a model's own, for what a Python model gives: it writes through a connection of its own. -#}
{% macro table_aside(target) -%}
    {%- set aside = make_intermediate_relation(target) -%}
    {%- do run_query('drop table if exists ' ~ aside) -%}
    {%- do adapter.commit() -%}
    {{ return(aside) }}
{%- endmacro %}
