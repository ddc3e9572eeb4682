{#-
  A table of which each run replaces only its scope: what the run touched.

      {{ config(materialized='scope', unique_key=['row_id'], meta={'scope': 'touched_rows'}) }}

  - `meta.scope` names a model with one row per key that the run touched. Rows whose `unique_key` is in it are deleted,
    and what the model selects is inserted. `meta.scope_key` names the columns of that model where they are called
    otherwise, `meta.scope_where` filters its rows.
  - `incremental_strategy='append'` inserts only.
  - Without either the whole table is replaced, like a `table`.
  - `meta.notes_changes` lists columns, and `meta.ordered_by` names the one that orders the rows of a `unique_key`. Since
    which row these columns differ stands in `control.changed_since` afterwards, in the same transaction, for models that
    follow. The last model of a build forgets it.
  - `meta.scope_since` names an ordered column. The model of `meta.scope` has a column `since`: only rows from there on
    are replaced, and the model selects no others.
  - `meta.keeps` names a model with one row per key whose rows outlive a full refresh: it copies them from the table as
    it was. The key columns are those of `unique_key`.

  All of it is one transaction: readers see the table as it was or as it is now. dbt-duckdb's `table` and `incremental`
  write another table first and rename or copy it, which takes three times as long.

  `on_schema_change`, `persist_docs`, `grants`, `indexes`, hooks and contracts work as in dbt-duckdb's `incremental`.
  docs/dbt.md describes them, docs/adr/0005-what-a-run-touches.md has the reasons.
-#}
{% materialization scope, adapter='duckdb', supported_languages=['sql', 'python'] -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target = this.incorporate(type='table') -%}
    {%- set keeps_rows = model.config.meta.get('scope') or config.get('incremental_strategy') == 'append' -%}
    {%- set is_replaced = not keeps_rows or existing is none or existing.is_view or should_full_refresh() -%}
    {%- if keeps_rows and is_replaced and config.get('full_refresh') is none and not everything_is_touched(model.fqn[1]) -%}
        {%- do exceptions.raise_compiler_error(
            this.identifier ~ " holds what earlier runs made and cannot be built again on its own: "
            ~ "run `dbt build --full-refresh` without a selection"
        ) -%}
    {%- endif -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- set notes_changes = model.config.meta.get('notes_changes') -%}
    {%- if model['language'] == 'python' -%}
        {#- A Python model writes through another connection, into a table next to the model's. -#}
        {%- set written = make_intermediate_relation(target) -%}
        {%- do run_query('drop table if exists ' ~ written) -%}
        {%- do adapter.commit() -%}
        {%- call statement('python', language='python') -%}
            {{ create_table_as(False, written, compiled_code, 'python') }}
        {%- endcall -%}
    {%- endif -%}
    {%- if is_replaced -%}
        {%- set kept = kept_rows(target) if model.config.meta.get('keeps') and existing is not none -%}
        {%- call statement('main') -%}
            {% if kept -%}
                create table {{ kept }} as {{ select_kept_rows(existing) }};
            {%- endif %}
            {% if existing is not none -%}
                drop {{ existing.type }} if exists {{ existing }};
            {%- endif %}
            {% if written -%}
                alter table {{ written }} rename to {{ adapter.quote(target.identifier) }};
            {%- else -%}
                {{ create_table_as(False, target, compiled_code, 'sql') }}
            {%- endif %}
        {%- endcall -%}
        {%- if notes_changes -%}
            {%- do note_everything(target) -%}
        {%- endif -%}
        {%- if kept -%}
            {%- do insert_kept_rows(kept, target) -%}
        {%- endif -%}
        {%- do create_indexes(target) -%}
    {%- else -%}
        {%- if notes_changes and not written -%}
            {%- set written = make_temp_relation(target) -%}
            {%- do run_query('create temporary table ' ~ written ~ ' as ' ~ compiled_code) -%}
        {%- endif -%}
        {%- set selected = written or '(' ~ compiled_code ~ ')' -%}
        {%- set columns = get_quoted_csv(columns_to_insert(target, selected) | map(attribute='name')) -%}
        {%- if notes_changes -%}
            {%- do note_changes(target, written) -%}
        {%- endif -%}
        {%- call statement('main') -%}
            {%- if model.config.meta.get('scope') %}
                {{ delete_scope(target) }};
            {%- endif %}
            insert into {{ target }} ({{ columns }}) select {{ columns }} from {{ selected }}; -- noqa
            {%- if written %}
                drop table {{ written }};
            {%- endif %}
        {%- endcall -%}
    {%- endif -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {%- do apply_grants(target, config.get('grants'), should_revoke=should_revoke(existing, is_replaced)) -%}
    {%- do persist_docs(target, model) -%}
    {%- do adapter.commit() -%}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target]}) }}
{%- endmaterialization %}


{#- The table that holds the rows that outlive a full refresh. It lives for one transaction. -#}
{% macro kept_rows(target) -%}
    {{ return(target.incorporate(path={'identifier': target.identifier ~ '__kept'})) }}
{%- endmacro %}


{#- The rows of what `meta.keeps` names. -#}
{% macro select_kept_rows(existing) -%}
    {%- set key = config.require('unique_key') -%}
    {%- set key = ([key] if key is string else key) | join(', ') -%}
    select * from {{ existing }} where ({{ key }}) in (select ({{ key }}) from {{ ref(model.config.meta.keeps) }})
{%- endmacro %}


{#- Columns that only one of the tables has are left out: a release may add or remove some. -#}
{% macro insert_kept_rows(kept, target) -%}
    {%- set names = adapter.get_columns_in_relation(kept) | map(attribute='name') | list -%}
    {%- set both = adapter.get_columns_in_relation(target) | selectattr('name', 'in', names) -%}
    {%- set columns = get_quoted_csv(both | map(attribute='name')) -%}
    {%- do run_query('insert into ' ~ target ~ ' (' ~ columns ~ ') select ' ~ columns ~ ' from ' ~ kept) -%}
    {%- do run_query('drop table ' ~ kept) -%}
{%- endmacro %}


{#- Note since when the rows of each key differ from those of the table: since the row before the first one that does. -#}
{% macro note_changes(target, written) -%}
    {%- set key, ordered = config.require('unique_key') | first, model.config.meta.ordered_by -%}
    {%- set columns = model.config.meta.notes_changes -%}
    {%- call statement('note_changes') -%}
        insert into control.changed_since
        with

        old_rows as (
            select * from {{ target }}
            where {{ key }} in (select {{ key }} from {{ ref(model.config.meta.scope) }})
        ),

        new_rows as (
            select * from {{ written }}
        ),

        firsts as (
            select {{ key }} as key, min({{ ordered }}) as first
            from old_rows
            full join new_rows using ({{ key }}, {{ ordered }})
            where
                old_rows.{{ key }} is null or new_rows.{{ key }} is null
                {%- for column in columns %}
                    or old_rows.{{ column }} is distinct from new_rows.{{ column }}
                {%- endfor %}
            group by all
        ),

        befores as (
            select firsts.key, max(old_rows.{{ ordered }}) as before
            from firsts
            inner join old_rows on firsts.key = old_rows.{{ key }} and firsts.first > old_rows.{{ ordered }}
            group by all
        )

        select '{{ target.schema }}.{{ target.identifier }}', firsts.key, coalesce(befores.before, firsts.first)
        from firsts
        left join befores on firsts.key = befores.key
        on conflict do update set since = least(since, excluded.since)
    {%- endcall -%}
{%- endmacro %}


{#- A new table: all its rows are noted. -#}
{% macro note_everything(target) -%}
    {%- call statement('note_changes') -%}
        insert into control.changed_since
        select
            '{{ target.schema }}.{{ target.identifier }}',
            {{ config.require('unique_key') | first }},
            min({{ model.config.meta.ordered_by }})
        from {{ target }}
        group by all
        on conflict do update set since = least(since, excluded.since)
    {%- endcall -%}
{%- endmacro %}


{#- Delete the rows of what the run touched. -#}
{% macro delete_scope(target) -%}
    {%- set meta = model.config.meta -%}
    {%- set key = config.require('unique_key') -%}
    {%- set key = [key] if key is string else key -%}
    {%- if meta.get('scope_since') -%}
        delete from {{ target }} as old_rows
        using {{ ref(meta.scope) }} as changed
        where
            old_rows.{{ key | first }} = changed.{{ key | first }}
            and old_rows.{{ meta.scope_since }} >= changed.since
    {%- else -%}
        delete from {{ target }}
        where ({{ key | join(', ') }}) in (
            select ({{ meta.get('scope_key', key) | join(', ') }})
            from {{ ref(meta.scope) }}
            where {{ meta.get('scope_where', true) }}
        )
    {%- endif -%}
{%- endmacro %}


{#-
  The columns to insert into a table that stays, once `on_schema_change` and the contract are satisfied. `ignore` inserts
  the columns that the table has, as dbt does; all else compares them with those that the model selects.
-#}
{% macro columns_to_insert(target, selected) -%}
    {%- if config.get('contract').enforced -%}
        {%- do get_assert_columns_equivalent(compiled_code) -%}
    {%- endif -%}
    {%- set on_schema_change = incremental_validate_on_schema_change(config.get('on_schema_change'), default='ignore') -%}
    {%- if on_schema_change != 'ignore' -%}
        {%- set shape = make_temp_relation(target) -%}
        {%- do run_query('create temporary table ' ~ shape ~ ' as select * from ' ~ selected ~ ' limit 0') -%}
        {%- set columns = process_schema_changes(on_schema_change, shape, target) -%}
        {%- do run_query('drop table ' ~ shape) -%}
    {%- endif -%}
    {{ return(columns or adapter.get_columns_in_relation(target)) }}
{%- endmacro %}


{#- dbt's own, for `scope` as well: whether the model adds to the rows of a table that is there. -#}
{% macro is_incremental() -%}
    {%- if not execute -%}{{ return(false) }}{%- endif -%}
    {%- set existing = load_relation(this) -%}
    {{ return(
        existing is not none
        and existing.is_table
        and model.config.materialized in ('incremental', 'scope')
        and not should_full_refresh()
    ) }}
{%- endmacro %}


{#- In one statement. dbt's own adds, fills and drops a column, which DuckDB cannot commit together with new rows. -#}
{% macro duckdb__alter_column_type(relation, column_name, new_column_type) -%}
    {%- do run_query(
        'alter table ' ~ relation ~ ' alter ' ~ adapter.quote(column_name) ~ ' set data type ' ~ new_column_type
    ) -%}
{%- endmacro %}
