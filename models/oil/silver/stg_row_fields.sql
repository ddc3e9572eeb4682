-- One row per sample that this run reads, its fields as the laboratory wrote them. A field that several columns have is
-- taken from the first of them that is filled; one that no column has, from the name of the sheet or file.

{% set number_fields = ['machineHours', 'componentHours', 'oilMeter'] %}
{% set date_fields = ['sampleDate', 'labDate', 'reportDate'] %}
{% set typed_fields = ['sampleNumber'] + number_fields %}

with

-- Without their cells: a relation that several others read is kept in between.
bronze_rows as (
    select
        row_id,
        content_id,
        client,
        sheet,
        row_number,
        hash(client, sheet, cells, kinds) as cells_hash
    from {{ ref('bronze_rows') }}
    where content_id in (select content_id from {{ ref('pending_contents') }})
),

contents as (
    select * from {{ ref('pending_contents') }}
),

clients as (
    select * from {{ ref('clients') }}
),

cells as (
    select * from {{ ref('stg_cells') }} where text not in ('', '-')
),

long_laboratories as (
    select laboratory from {{ ref('laboratories') }} where layout = 'long'
),

-- A choice has to be made where a sheet has several columns of a field, or a sample several rows.
field_columns as (
    select
        column_id,
        field,
        field_preference,
        (
            count(*) over (partition by client, sheet, field) > 1
            or laboratory in (select laboratory from long_laboratories)
        ) as is_contested,
        laboratory in (select laboratory from long_laboratories) as is_of_long_rows,
        field in ('machineHours', 'componentHours', 'oilMeter', 'sampleDate', 'labDate', 'reportDate') as may_be_a_date
    from {{ ref('stg_columns') }}
    where field is not null
),

field_cells as (
    select
        cells.row_id,
        cells.text,
        cells.kind,
        field_columns.column_id,
        field_columns.field,
        field_columns.field_preference,
        field_columns.is_contested,
        field_columns.is_of_long_rows,
        (
            cells.kind in ('e', 'f', 's', 'x')
            or (
                field_columns.field in ('sampleNumber', 'unitId', 'componentName')
                and {{ is_a_date_for_sure('cells.text') }}
            )
            or (cells.kind = 'd' and not field_columns.may_be_a_date)
        ) as is_damaged
    from cells
    inner join field_columns on cells.column_id = field_columns.column_id
),

-- Of a laboratory that writes a result a row: the row that stands for its sample, the first one of its content with the
-- same sample number, unit, component and date.
identities as (
    select
        row_id,
        min_by(text, field_preference) filter (where field = 'sampleNumber') as sampleNumber,
        min_by(text, field_preference) filter (where field = 'unitId') as unitId,
        min_by(text, field_preference) filter (where field = 'componentName') as componentName,
        min_by(text, field_preference) filter (where field = 'sampleDate') as sampleDate
    from field_cells
    where is_of_long_rows and not is_damaged
    group by row_id
),

sample_rows as (
    select
        bronze_rows.row_id,
        bronze_rows.cells_hash,
        if(
            identities.sampleNumber is null,
            bronze_rows.row_id,
            first_value(bronze_rows.row_id) over (
                partition by
                    bronze_rows.content_id,
                    identities.sampleNumber,
                    identities.unitId,
                    identities.componentName,
                    identities.sampleDate
                order by bronze_rows.sheet, bronze_rows.row_number
            )
        ) as sample_row_id
    from bronze_rows
    inner join clients on bronze_rows.client = clients.client
    inner join long_laboratories on clients.laboratory = long_laboratories.laboratory
    left join identities on bronze_rows.row_id = identities.row_id
),

contested_cells as (
    select
        coalesce(sample_rows.sample_row_id, field_cells.row_id) as row_id,
        field_cells.field,
        min_by(field_cells.text, (field_cells.field_preference, bronze_rows.row_number)) as text,
        min_by(field_cells.kind, (field_cells.field_preference, bronze_rows.row_number)) as kind,
        min_by(field_cells.column_id, (field_cells.field_preference, bronze_rows.row_number)) as column_id
    from field_cells
    inner join bronze_rows on field_cells.row_id = bronze_rows.row_id
    left join sample_rows on field_cells.row_id = sample_rows.row_id
    where field_cells.is_contested and not field_cells.is_damaged
    group by all
),

chosen_cells as (
    select
        row_id,
        field,
        text,
        kind,
        column_id
    from field_cells
    where not is_contested and not is_damaged
    union all
    select * from contested_cells
),

field_texts as (
    select
        row_id,
        {% for field in sample_fields() -%}
            max(case when field = '{{ field }}' then text end) as {{ field }},
        {% endfor -%}
        {% for field in number_fields + date_fields -%}
            max(case when field = '{{ field }}' then column_id end) as {{ field }}_column,
        {% endfor -%}
        {% for field in typed_fields -%}
            max(case when field = '{{ field }}' then kind end) as {{ field }}_kind,
        {% endfor -%}
        max(case when field = 'dateSystem' then text end) as dateSystem
    from chosen_cells
    group by row_id
),

damaged_fields as (
    select
        coalesce(sample_rows.sample_row_id, field_cells.row_id) as row_id,
        list(distinct struct_pack(
            field := field_cells.field,
            reason := case field_cells.kind
                when 'e' then 'field_is_error'
                when 'f' then 'field_is_formula'
                when 's' then 'more_cells_than_headers'
                when 'x' then if(field_cells.field = 'sampleNumber', 'row_struck_out', 'field_struck_out')
                else 'field_turned_into_a_date'
            end,
            text := left(field_cells.text, 100)
        )) as damages
    from field_cells
    left join sample_rows on field_cells.row_id = sample_rows.row_id
    where field_cells.is_damaged
    group by all
),

named_contents as (
    select distinct
        bronze_rows.content_id,
        bronze_rows.sheet,
        clients.laboratory,
        parse_filename(contents.file_key) as file_name
    from bronze_rows
    inner join contents on bronze_rows.content_id = contents.content_id
    inner join clients on bronze_rows.client = clients.client
),

context_fields as (
    select
        named_contents.content_id,
        named_contents.sheet,
        declared.field,
        trim(
            regexp_extract(
                if(declared.place = 'file', named_contents.file_name, named_contents.sheet), declared.pattern, 1
            )
        ) as text
    from named_contents
    inner join {{ ref('lab_context_fields') }} as declared
        on
            named_contents.laboratory = declared.laboratory
            and declared.place in ('file', 'sheet')
            and (declared.sheet = '*' or normal_form(declared.sheet) = normal_form(named_contents.sheet))
),

context_texts as (
    select
        content_id,
        sheet,
    {% for field in sample_fields() -%}
        max(text) filter (where field = '{{ field }}') as {{ field }}{{ ',' if not loop.last }}
    {% endfor %}
    from context_fields
    where text <> ''
    group by content_id, sheet
),

sheets as (
    {{ declared_sheets('named_contents') }}
),

-- Rows that stand for a sample, and all rows of it where they are several.
samples as (
    select
        row_id,
        cast(null as bigint[]) as data_row_ids,
        cells_hash
    from bronze_rows
    where row_id not in (select row_id from sample_rows)
    union all
    select
        sample_row_id as row_id,
        list(row_id order by row_id) as data_row_ids,
        bit_xor(cells_hash) as cells_hash
    from sample_rows
    group by sample_row_id
)

select
    bronze_rows.row_id,
    bronze_rows.content_id,
    bronze_rows.client,
    bronze_rows.sheet,
    bronze_rows.row_number,
    samples.data_row_ids,
    samples.cells_hash,
    sheets.declared_sheet,
    sheets.fluid as sheet_fluid,
    clients.client_code,
    clients.laboratory,
    clients.site as client_site,
    clients.time_zone,
    {% for field in sample_fields() -%}
        coalesce(field_texts.{{ field }}, context_texts.{{ field }}) as {{ field }},
    {% endfor -%}
    {% for field in number_fields + date_fields -%}
        coalesce(field_texts.{{ field }}_column, 0) as {{ field }}_column,
    {% endfor -%}
    {% for field in typed_fields -%}
        field_texts.{{ field }}_kind,
    {% endfor -%}
    field_texts.dateSystem,
    damaged_fields.damages
from samples
inner join bronze_rows on samples.row_id = bronze_rows.row_id
inner join clients on bronze_rows.client = clients.client
left join sheets on clients.laboratory = sheets.laboratory and bronze_rows.sheet = sheets.sheet
left join field_texts on bronze_rows.row_id = field_texts.row_id
left join damaged_fields on bronze_rows.row_id = damaged_fields.row_id
left join context_texts
    on bronze_rows.content_id = context_texts.content_id and bronze_rows.sheet = context_texts.sheet
