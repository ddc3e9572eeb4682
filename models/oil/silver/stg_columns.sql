{{ config(materialized='scope', incremental_strategy='append') }}

-- One row per distinct column of a client's sheets, and what it holds: a field, an essay, or part of a name/value pair.
-- `Estado#2` is the second column called Estado. Each column is understood once, however many cells it has.
-- Headers are compared in their normal form; of two that are one in it, the spelling of the seed goes first.

with

bronze_rows as (
    select * from {{ ref('bronze_rows') }}
    where content_id in (select content_id from {{ ref('pending_contents') }})
),

clients as (
    select * from {{ ref('clients') }}
),

laboratories as (
    select * from {{ ref('laboratories') }}
),

lab_fields as (
    select
        *,
        normal_form(header) as header_form
    from {{ ref('lab_fields') }}
),

ignored_columns as (
    select
        laboratory,
        normal_form(header) as header_form
    from {{ ref('lab_ignored_columns') }}
),

cells as (
    select distinct
        client,
        sheet,
        unnest(map_keys(cells)) as column_name
    from bronze_rows
),

columns as (
    select
        cells.client,
        clients.laboratory,
        cells.sheet,
        cells.column_name,
        regexp_replace(cells.column_name, '#[0-9]+$', '') as header,
        coalesce(try_cast(regexp_extract(cells.column_name, '#([0-9]+)$', 1) as integer), 1) as occurrence
    from cells
    inner join clients on cells.client = clients.client
    {% if is_incremental() -%}
        where (cells.client, cells.sheet, cells.column_name) not in (
            select (client, sheet, column_name) from {{ this }}
        )
    {%- endif %}
),

names as (
    select
        *,
        header as name,
        normal_form(header) as name_form,
        cast(hash(client, sheet, column_name) >> 1 as bigint) as column_id
    from columns
),

{{ named_essays('names', ['column_id']) }},

of_fields as (
    select
        named.*,
        coalesce(nullif(regexp_extract(named.header, '^above: (.*)$', 1), ''), lab_fields.field) as field,
        lab_fields.unit as field_unit,
        coalesce(lab_fields.priority, 1) * 1000000 + named.column_id % 1000000 as field_preference
    from named
    left join lab_fields
        on
            named.laboratory = lab_fields.laboratory
            and named.name_form = lab_fields.header_form
            and named.occurrence = lab_fields.occurrence
    qualify
        row_number() over (
            partition by named.column_id
            order by named.header = lab_fields.header desc, lab_fields.priority asc, lab_fields.field asc
        ) = 1
)

select
    of_fields.column_id,
    of_fields.client,
    of_fields.laboratory,
    of_fields.sheet,
    of_fields.column_name,
    of_fields.header,
    of_fields.occurrence,
    of_fields.field,
    of_fields.field_preference,
    (
        of_fields.field is not null
        or (of_fields.laboratory, of_fields.name_form) in (select (laboratory, header_form) from ignored_columns)
    ) as is_known,
    case when laboratories.layout = 'wide' then of_fields.essay end as essay,
    if(of_fields.field is null, of_fields.unit, of_fields.field_unit) as unit,
    of_fields.priority * 1000 + of_fields.occurrence as preference,
    case
        when laboratories.layout <> 'long'
            then try_cast(regexp_extract(of_fields.header, laboratories.pair_name_pattern, 1) as integer)
        when of_fields.field = 'essayName' then 0
    end as pair_name_index,
    case
        when laboratories.layout <> 'long'
            then try_cast(regexp_extract(of_fields.header, laboratories.pair_value_pattern, 1) as integer)
        when of_fields.field = 'essayValue' then 0
    end as pair_value_index,
    case when laboratories.layout = 'long' and of_fields.field = 'essayUnit' then 0 end as pair_unit_index
from of_fields
inner join laboratories on of_fields.laboratory = laboratories.laboratory
