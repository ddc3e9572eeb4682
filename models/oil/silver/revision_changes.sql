{{ config(materialized='scope', unique_key=['row_id'], meta={'scope': 'touched_rows'}) }}

-- One row per revision of a sample × field or essay that it has otherwise than the revision before it.

{% set fields = [
    'sampleDate', 'labDate', 'reportDate', 'site', 'unitId', 'machineName', 'machineModel', 'machineBrand',
    'machineHours', 'machineSerialNumber', 'componentName', 'componentHours', 'componentSerialNumber', 'oilMeter',
    'oilBrand', 'oilType', 'oilWeight', 'oilChanged', 'filterChanged', 'labVerdict', 'labComment',
] %}

with

touched_rows as (
    select * from {{ ref('touched_rows') }} where has_its_own_cells
),

revisions as (
    select
        row_id,
        is_merged,
        lead(row_id) over (partition by sample_row_id order by revision) as row_id_before
    from touched_rows
    qualify row_id_before is not null
),

compared_rows as (
    select
        *,
        row_id as compared_row_id
    from revisions
    union all
    select
        *,
        row_id_before as compared_row_id
    from revisions
),

essays as (
    select
        row_id,
        'essay' as kind,
        essay as name,
        text
    from {{ ref('int_row_essays') }}
    where row_id = revision_row_id and row_id in (select compared_row_id from compared_rows)
),

listed_fields as (
    select
        row_id,
        unnest([
            {% for field in fields -%}
                struct_pack(name := '{{ field }}', text := cast({{ field }} as varchar)){{ ',' if not loop.last }}
            {% endfor %}
        ]) as field
    from {{ ref('int_checked_rows') }}
    where row_id in (select compared_row_id from compared_rows)
),

written as (
    select * from essays
    union all
    select
        row_id,
        'field' as kind,
        field.name,
        field.text
    from listed_fields
    where field.text is not null
),

texts as (
    select
        compared_rows.row_id,
        compared_rows.row_id_before,
        compared_rows.is_merged,
        written.kind,
        written.name,
        max(written.text) filter (where written.row_id = compared_rows.row_id_before) as text_before,
        max(written.text) filter (where written.row_id = compared_rows.row_id) as text_after
    from compared_rows
    inner join written on compared_rows.compared_row_id = written.row_id
    group by all
)

select
    row_id,
    row_id_before,
    kind,
    name,
    case when text_before is null then 'added' when text_after is null then 'removed' else 'changed' end as change,
    text_before,
    text_after,
    -- What a revision left out stays as it was.
    is_merged and text_after is null as is_kept
from texts
where text_before is distinct from text_after
