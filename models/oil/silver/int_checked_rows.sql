{{ config(
    materialized='scope', unique_key=['content_id'], meta={'scope': 'pending_contents'}
) }}

-- depends_on: {{ ref('pending_contents') }}
-- One row per sample as it was read, its fields typed, with the reason why it cannot be used if there is one.

{% set needed_fields = [
    ('sampleNumber', 'sampleNumber', 'no_sample_number'),
    ('unitId', 'unitId', 'no_unit'),
    ('componentName', 'componentName', 'no_component'),
    ('sample_date_text', 'sampleDate', 'no_sample_date'),
] %}
{% set number_fields = ['machineHours', 'componentHours', 'oilMeter'] %}

with

row_fields as (
    select * from {{ ref('stg_row_fields') }}
),

laboratories as (
    select * from {{ ref('laboratories') }}
),

dates as (
    select * from {{ ref('int_dates') }}
),

numbers as (
    select * from {{ ref('int_field_numbers') }}
),

names as (
    select * from {{ ref('int_names') }}
),

machine_models as (
    select * from {{ ref('machine_models') }}
),

unit_aliases as (
    select
        lower(client) as client,
        upper(replace(plain_spelling(unit), '-', '_')) as unit_form,
        replace(plain_spelling(alias_of), '-', '_') as unit
    from {{ ref('unit_aliases') }}
),

active_policy as (
    select * from {{ ref('active_policy') }}
),

-- What stands in place of a number or name that is not known: `S/N`, `N/A`, or one that the row above has: `ídem`.
no_names as (
    select lower(text) as name
    from {{ ref('value_texts') }}
    where meaning = 'not_measured' and laboratory = '*'
),

-- A dash in the name of a unit has always been published as `_`.
spelled as (
    select
        row_fields.row_id,
        case
            when not active_policy.merges_spellings then row_fields.sampleNumber
            when
                regexp_full_match(row_fields.sampleNumber, '0+')
                or lower(row_fields.sampleNumber) in (select name from no_names)
                then null
            when
                regexp_full_match(row_fields.sampleNumber, '[0-9]+')
                and length(row_fields.sampleNumber) < laboratories.sample_number_width
                then lpad(row_fields.sampleNumber, laboratories.sample_number_width, '0')
            else plain_spelling(row_fields.sampleNumber)
        end as sampleNumber,
        case
            when not active_policy.merges_spellings then replace(row_fields.unitId, '-', '_')
            when
                not regexp_full_match(row_fields.unitId, '0+')
                and lower(row_fields.unitId) not in (select name from no_names)
                then replace(plain_spelling(row_fields.unitId), '-', '_')
        end as unitId,
        case
            when not active_policy.merges_spellings then lower(row_fields.componentName)
            when lower(row_fields.componentName) not in (select name from no_names)
                then lower({{ clean_text('row_fields.componentName') }})
        end as componentName,
        active_policy.merges_spellings
    from row_fields
    cross join active_policy
    inner join laboratories on row_fields.laboratory = laboratories.laboratory
),

typed as (
    select
        row_fields.row_id,
        row_fields.content_id,
        row_fields.client,
        row_fields.client_code,
        row_fields.laboratory,
        row_fields.sheet,
        row_fields.row_number,
        row_fields.data_row_ids,
        row_fields.cells_hash,
        row_fields.declared_sheet,
        row_fields.sheet_fluid,
        spelled.sampleNumber,
        if(spelled.merges_spellings, upper(replace(spelled.sampleNumber, '_', '-')), spelled.sampleNumber)
            as sample_number_form,
        sample_moment.written_at as sampleTimestamp,
        sample_moment.local_date as sampleDate,
        lab_moment.local_date as labDate,
        report_moment.local_date as reportDate,
        coalesce(row_fields.site, row_fields.client_site) as site,
        coalesce(unit_aliases.unit, spelled.unitId) as unitId,
        if(
            spelled.merges_spellings, upper(coalesce(unit_aliases.unit, spelled.unitId)), spelled.unitId
        ) as unit_form,
        coalesce(machine_models.machine_name, machine_names.name, lower(row_fields.machineModel)) as machineName,
        coalesce(machine_models.machine_name is not null or machine_names.is_known, false) as is_machine_known,
        lower(row_fields.machineModel) as machineModel,
        coalesce(brand_names.name, machine_models.brand) as machineBrand,
        {% for field in number_fields -%}
            if({{ field }}_number.unit = 'km', null, {{ field }}_number.value) as {{ field }},
        {% endfor -%}
        cast(nullif(to_json(map_from_entries(list_filter(
            [
                {% for field in number_fields -%}
                    struct_pack(
                        field := '{{ field }}', km := if({{ field }}_number.unit = 'km', {{ field }}_number.value, null)
                    ){{ ',' if not loop.last }}
                {% endfor %}
            ],
            lambda one: one.km is not null
        ))), '{}') as varchar) as kilometers,
        row_fields.machineSerialNumber,
        spelled.componentName,
        component_names.name as componentNameNormalized,
        row_fields.componentSerialNumber,
        lower(row_fields.oilBrand) as oilBrand,
        row_fields.oilType,
        row_fields.oilWeight,
        row_fields.oilChanged,
        row_fields.filterChanged,
        row_fields.labVerdict,
        row_fields.labComment,
        row_fields.sampleDate as sample_date_text,
        row_fields.sampleNumber as sample_number_text,
        row_fields.unitId as unit_text,
        row_fields.componentName as component_text,
        -- Spreadsheets keep 15 digits of a number, and show long ones with fewer.
        regexp_full_match(row_fields.sampleNumber, '[0-9]([.,][0-9]+)?[eE][+][0-9]+|[0-9][.,][0-9]+[eE][0-9]+')
        or (row_fields.sampleNumber_kind = 'n' and regexp_full_match(row_fields.sampleNumber, '[0-9]{15}0+'))
            as has_lost_digits,
        sample_moment.rejection as sample_date_rejection,
        list_concat(
            row_fields.damages,
            list_filter(
                [
                    {% for field, model, text in [
                        ('machineHours', 'machineHours_number', 'machineHours'),
                        ('componentHours', 'componentHours_number', 'componentHours'),
                        ('oilMeter', 'oilMeter_number', 'oilMeter'),
                        ('labDate', 'lab_moment', 'labDate'),
                        ('reportDate', 'report_moment', 'reportDate'),
                    ] -%}
                        struct_pack(
                            field := '{{ field }}',
                            reason := {{ model }}.rejection,
                            text := left(row_fields.{{ text }}, 100)
                        ){{ ',' if not loop.last }}
                    {% endfor %}
                ],
                lambda one: one.reason is not null
            )
        ) as unread_fields
    from row_fields
    inner join spelled on row_fields.row_id = spelled.row_id
    inner join laboratories on row_fields.laboratory = laboratories.laboratory
    left join unit_aliases
        on
            spelled.merges_spellings
            and lower(row_fields.client_code) = unit_aliases.client
            and upper(spelled.unitId) = unit_aliases.unit_form
    {% for field in number_fields -%}
        left join numbers as {{ field }}_number
            on
                row_fields.content_id = {{ field }}_number.content_id
                and {{ field }}_number.field = '{{ field }}'
                and row_fields.{{ field }}_column = {{ field }}_number.column_id
                and row_fields.{{ field }} = {{ field }}_number.text
                and coalesce(row_fields.{{ field }}_kind, 't') = {{ field }}_number.kind
    {% endfor -%}
    {% for field, moment in [
        ('sampleDate', 'sample_moment'), ('labDate', 'lab_moment'), ('reportDate', 'report_moment')
    ] -%}
        left join dates as {{ moment }}
            on
                row_fields.content_id = {{ moment }}.content_id
                and row_fields.{{ field }}_column = {{ moment }}.column_id
                and row_fields.{{ field }} = {{ moment }}.text
    {% endfor -%}
    left join machine_models on lower(row_fields.machineModel) = machine_models.model
    left join names as machine_names
        on lower(row_fields.machineFamily) = machine_names.written_name and machine_names.entity = 'machine'
    left join names as brand_names
        on lower(row_fields.machineBrand) = brand_names.written_name and brand_names.entity = 'brand'
    left join names as component_names
        on lower(row_fields.componentName) = component_names.written_name and component_names.entity = 'component'
),

-- Units below the headers, notes and totals below the table: rows without a readable date, and without a result.
without_date as (
    select
        row_id,
        unnest(coalesce(data_row_ids, [row_id])) as data_row_id
    from typed
    where sampleTimestamp is null
),

with_result as (
    select distinct without_date.row_id
    from without_date
    inner join {{ ref('stg_cells') }} as cells on without_date.data_row_id = cells.row_id
    inner join {{ ref('stg_columns') }} as columns
        on cells.column_id = columns.column_id and (columns.essay is not null or columns.pair_value_index is not null)
    where cells.kind <> 't' or regexp_matches(cells.text, '^[<>≤≥~]?[ ]*[-+]?[.,]?[0-9]')
),

checked as (
    select
        *,
        coalesce(sampleTimestamp > timezone('UTC', now()), false) as is_ahead,
        list_filter(
            unread_fields, lambda one: one.reason in ('more_cells_than_headers', 'row_struck_out')
        )[1].reason as row_reason,
        case
            when row_reason is not null then row_reason
            when
                sampleTimestamp is null
                and row_id not in (select row_id from with_result)
                and (sampleNumber is null or (unitId is null and componentName is null) or sample_date_text is null)
                then 'no_sample'
            {% for column, field, reason in needed_fields -%}
                when {{ column }} is null then '{{ reason }}'
            {% endfor -%}
            when has_lost_digits then 'number_lost_digits'
            when sample_date_rejection = 'date_before_1980' then 'sample_date_before_1980'
            when sample_date_rejection = 'date_order_contradictory' then 'sample_date_order_contradictory'
            when is_ahead or sample_date_rejection = 'date_in_the_future' then 'sample_date_in_future'
            when sampleTimestamp is null then 'sample_date_unreadable'
        end as rejection
    from typed
)

select
    * exclude (
        row_reason, has_lost_digits, sample_date_rejection, unread_fields, sample_number_text, unit_text, component_text
    ),
    nullif(unread_fields, []) as unread_fields,
    case
        {% for column, field, reason in needed_fields -%}
            when rejection = '{{ reason }}' then '{{ field }}'
        {% endfor -%}
        when rejection in ('number_lost_digits', 'more_cells_than_headers', 'row_struck_out') then 'sampleNumber'
        when rejection like 'sample_date_%' then 'sampleDate'
    end as rejection_field,
    coalesce(
        list_filter(unread_fields, lambda one: one.field = rejection_field)[1].text,
        if(rejection_field = 'sampleDate', sample_date_text, null),
        if(rejection_field = 'sampleNumber', sampleNumber, null),
        if(rejection_field = 'unitId', unit_text, null),
        if(rejection_field = 'componentName', component_text, null),
        if(rejection_field = 'sampleNumber', sample_number_text, null)
    ) as rejection_text
from checked
