{#-
  Fill a seed from its file. A row may end early: a seed that gets a further column keeps the rows that its users have
  added. dbt-duckdb's own macro guesses the form of the file, and refuses such a row.
-#}
{% macro duckdb__load_csv_rows(model, agate_table) -%}
    {%- set sql -%}
        copy {{ this.render() }} from '{{ adapter.get_seed_file_path(model) }}' (
            format csv, header true, delimiter ',', quote '"', escape '"', null_padding true, auto_detect false
        )
    {%- endset -%}
    {%- do adapter.add_query(sql, abridge_sql_log=True) -%}
    {{ return(sql) }}
{%- endmacro %}
