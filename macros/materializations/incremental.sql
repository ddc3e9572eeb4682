{#-
  An incremental model replaces the rows of what a run touches: those whose `unique_key` is in the relation that
  `meta.scope` names are deleted, and what the model selects is inserted. Without a scope the rows are appended.

  The model selects the touched rows only, so it cannot be built anew on its own: `pending_contents` must have declared
  everything touched before. docs/adr/0005-what-a-run-touches.md has the reasons.
-#}
{% materialization incremental, adapter='duckdb', supported_languages=['sql', 'python'] -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target = this.incorporate(type='table') -%}
    {%- set is_anew = existing is none or existing.is_view or should_full_refresh() -%}
    {%- if is_anew and config.get('full_refresh') is none and not everything_is_touched() -%}
        {%- do exceptions.raise_compiler_error(
            this.identifier ~ " holds what earlier runs made and cannot be built anew on its own: "
            ~ "run `dbt build --full-refresh` without a selection"
        ) -%}
    {%- endif -%}
    {{ run_hooks(pre_hooks) }}
    {%- if model['language'] == 'python' -%}
        {%- set filled = table_aside(target) -%}
        {%- call statement('python', language='python') -%}
            {{ create_table_as(False, filled, compiled_code, 'python') }}
        {%- endcall -%}
    {%- endif -%}
    {%- if is_anew -%}
        {%- do build_anew(existing, target, filled) -%}
    {%- else -%}
        {%- call statement('main') -%}
            {%- set meta = model.config.meta -%}
            {%- set key = config.get('unique_key') -%}
            {% if meta.get('scope') -%}
                delete from {{ target }}
                where ({{ key | join(', ') }}) in (
                    select ({{ meta.get('scope_key', key) | join(', ') }})
                    from {{ ref(meta.scope) }}
                    where {{ meta.get('scope_where', true) }}
                );
            {%- endif %}
            insert into {{ target }} by name
            {% if filled -%}
                select * from {{ filled }};
                drop table {{ filled }};
            {%- else -%}
                {{ compiled_code }}
            {%- endif %}
        {%- endcall -%}
    {%- endif -%}
    {{ run_hooks(post_hooks) }}
    {%- do adapter.commit() -%}
    {{ return({'relations': [target]}) }}
{%- endmaterialization %}


{#- Whether no content counts as done, so that what this run touches is everything there is. -#}
{% macro everything_is_touched() -%}
    {%- set done = run_query('select count(*) from control.processed_contents') -%}
    {{ return(done.columns[0].values()[0] == 0) }}
{%- endmacro %}
