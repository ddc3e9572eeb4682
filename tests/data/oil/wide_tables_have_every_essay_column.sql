-- The seed says which essays have a column; the wide tables have exactly these, and consumers read them by name.
with

wide_columns as (
    select
        table_name,
        column_name
    from information_schema.columns
    where
        (table_schema = '{{ ref("samples").schema }}' and table_name = '{{ ref("samples").identifier }}')
        or (
            table_schema = '{{ ref("classified_reports").schema }}'
            and table_name = '{{ ref("classified_reports").identifier }}'
        )
),

wide_tables as (
    select distinct table_name
    from wide_columns
),

wanted as (
    select
        wide_tables.table_name,
        essays.essay,
        essays.has_column
    from {{ ref('essays') }} as essays
    cross join wide_tables
)

select
    wanted.table_name,
    wanted.essay,
    wanted.has_column
from wanted
left join wide_columns on wanted.table_name = wide_columns.table_name and wanted.essay = wide_columns.column_name
where wanted.has_column <> (wide_columns.column_name is not null)
