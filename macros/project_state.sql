{#-
  A fingerprint of models and seeds. Incremental tables have rows of earlier builds. After a change of models or seeds
  plain dbt warns, and the wrapper builds everything again by itself.
-#}
{% macro project_state() -%}
    {%- set checksums = [] -%}
    {%- for node in graph.nodes.values() if node.resource_type in ('model', 'seed') -%}
        {%- do checksums.append(node.unique_id ~ node.checksum.checksum) -%}
    {%- endfor -%}
    {{ return(local_md5(checksums | sort | join)) }}
{%- endmacro %}


{% macro warn_of_stale_tables() -%}
    {%- if execute and target.name != 'lake' and not flags.FULL_REFRESH and flags.WHICH in ('build', 'run') -%}
        {%- set built_by = run_query('select state from control.project_state').columns[0].values() -%}
        {%- if built_by and built_by[0] != project_state() -%}
            {%- do exceptions.warn(
                "models or seeds changed since the tables were built: `dbt build --full-refresh` builds them again"
            ) -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}


{#- `--empty` builds tables without rows, and later runs keep some of them as they are. -#}
{% macro refuse_empty_tables() -%}
    {%- if execute and flags.EMPTY and flags.WHICH in ('build', 'run') -%}
        {%- if run_query('select state from control.project_state').rows | length > 0 -%}
            {%- do exceptions.raise_compiler_error(
                "--empty would take the rows of this lake away: use it with another lake, as in "
                ~ "TRIBOLAKE_LAKE=/tmp/empty dbt build --empty"
            ) -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
