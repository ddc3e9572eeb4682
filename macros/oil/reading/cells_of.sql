{#-
  One row per filled cell of the rows in a relation of the shape of `bronze_rows`, its column by number, its text without
  spaces around it, and the letter of its kind.
-#}
{% macro cells_of(rows) -%}
    select
        entries.row_id,
        columns.column_id,
        trim(replace(entries.cell.value, chr(160), ' ')) as text,
        entries.kind
    from (
        select
            row_id,
            client,
            sheet,
            unnest(map_entries(cells)) as cell,
            unnest(string_split(kinds, '')) as kind
        from {{ rows }}
    ) as entries
    inner join {{ ref('stg_columns') }} as columns
        on
            entries.client = columns.client
            and entries.sheet = columns.sheet
            and entries.cell.key = columns.column_name
{%- endmacro %}
