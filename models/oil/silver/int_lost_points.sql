{{ config(materialized='scope', incremental_strategy='append') }}

-- One row per decision on whether a value has lost its decimal point. The last decision on a value counts.
-- A family is a client's component family × laboratory × essay × unit as delivered. All its current values are asked
-- whenever a run touches it, so the answer does not depend on the order of arrival. A whole number far above a narrow
-- family of numbers with decimals has lost its point, if it is within the family when divided by 10, 100 or 1 000.
-- A single such value stays: it may be true.

with

active_policy as (
    select * from {{ ref('active_policy') }} where points_min_values is not null
),

touched_families as (
    select distinct
        client,
        laboratory,
        componentNameNormalized
    from {{ ref('touched_rows') }}
),

family_rows as (
    select
        revisions.row_id,
        revisions.client_code as client,
        revisions.laboratory,
        revisions.componentNameNormalized as component
    from {{ ref('int_sample_revisions') }} as revisions
    semi join touched_families
        on
            revisions.client_code = touched_families.client
            and revisions.laboratory = touched_families.laboratory
            and revisions.componentNameNormalized is not distinct from touched_families.componentNameNormalized
),

family_values as (
    select
        family_rows.*,
        results.essay,
        coalesce(results.lab_unit, '') as lab_unit,
        log10(results.lab_value) as magnitude,
        results.lab_value = floor(results.lab_value) as is_whole
    from {{ ref('int_reported_results') }} as results
    inner join family_rows on results.row_id = family_rows.row_id
    inner join {{ ref('essays') }} as essays on results.essay = essays.essay
    cross join active_policy
    where
        results.lab_value > 0
        and results.rejection is null
        and results.censoring is null
        and essays.kind = 'numeric'
        -- Counts and elements range over decades.
        and essays.essay_group = 'Fisico Quimico'
),

families as (
    select
        client,
        laboratory,
        component,
        essay,
        lab_unit,
        median(magnitude) as middle,
        -- 3.5 robust standard deviations (Iglewicz and Hoaglin 1993), at least 40 % either way.
        greatest(3.5 * 1.4826 * mad(magnitude), 0.15) as width
    from family_values
    group by all
    having count(*) >= (select points_min_values from active_policy)
),

compared as (
    select
        family_values.row_id,
        family_values.essay,
        families.* exclude (essay),
        family_values.is_whole,
        abs(family_values.magnitude - families.middle) <= families.width as is_usual,
        list_bool_or(list_transform(
            [1, 2, 3], lambda places: abs(family_values.magnitude - places - families.middle) <= families.width
        )) as is_usual_with_a_point
    from family_values
    inner join families
        on
            family_values.client = families.client
            and family_values.laboratory = families.laboratory
            and family_values.component is not distinct from families.component
            and family_values.essay = families.essay
            and family_values.lab_unit = families.lab_unit
    -- Wider families overlap with themselves, divided by 10.
    where families.width < 0.5
),

suspected as (
    select
        row_id,
        essay,
        not is_usual and is_whole and is_usual_with_a_point as is_suspected,
        count(*) filter (where is_usual and not is_whole) over family
        >= 0.5 * count(*) filter (where is_usual) over family as has_decimals,
        count(*) filter (where is_suspected) over family as n_suspected
    from compared
    window family as (partition by client, laboratory, component, essay, lab_unit)
),

found as (
    select
        suspected.row_id,
        suspected.essay
    from suspected
    cross join active_policy
    where suspected.is_suspected and suspected.has_decimals and suspected.n_suspected >= active_policy.points_min_lost
),

known as (
    {% if is_incremental() -%}
        select
            row_id,
            essay,
            arg_max(is_lost, decided_at) as is_lost
        from {{ this }}
        where row_id in (select row_id from family_rows)
        group by row_id, essay
    {%- else -%}
        select
            row_id,
            essay,
            true as is_lost
        from found
        where false
    {%- endif %}
)

select
    coalesce(found.row_id, known.row_id) as row_id,
    coalesce(found.essay, known.essay) as essay,
    found.row_id is not null as is_lost,
    now() as decided_at
from found
full outer join known on found.row_id = known.row_id and found.essay = known.essay
where (found.row_id is not null) <> coalesce(known.is_lost, false)
