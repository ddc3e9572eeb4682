{#- The Python statement stands here and in `incremental`, not in one macro: dbt runs it in a materialization only. -#}
{% materialization table, adapter='duckdb', supported_languages=['sql', 'python'] -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target = this.incorporate(type='table') -%}
    {{ run_hooks(pre_hooks) }}
    {%- if model['language'] == 'python' -%}
        {%- set filled = table_aside(target) -%}
        {%- call statement('python', language='python') -%}
            {{ create_table_as(False, filled, compiled_code, 'python') }}
        {%- endcall -%}
    {%- endif -%}
    {%- do build_anew(existing, target, filled) -%}
    {{ run_hooks(post_hooks) }}
    {%- do adapter.commit() -%}
    {{ return({'relations': [target]}) }}
{%- endmaterialization %}
