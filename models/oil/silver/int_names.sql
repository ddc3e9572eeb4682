-- One row per distinct name of a component, machine or brand, with the name it goes by under the policy of this run.

with

row_fields as (
    select * from {{ ref('stg_row_fields') }}
),

aliases as (
    select aliases.*
    from {{ ref('aliases') }} as aliases
    inner join {{ ref('active_policy') }} as active_policy on aliases.policy = active_policy.policy
),

written as (
    select distinct
        'component' as entity,
        lower(componentName) as written_name
    from row_fields
    where componentName is not null
    union all
    select distinct
        'machine' as entity,
        lower(machineFamily) as written_name
    from row_fields where machineFamily is not null
    union all
    select distinct
        'brand' as entity,
        lower(machineBrand) as written_name
    from row_fields where machineBrand is not null
),

plain as (
    select
        entity,
        written_name,
        strip_accents(written_name) as accent_free_name,
        {{ plain_name('written_name') }} as plain_name
    from written
),

matched as (
    select
        plain.entity,
        plain.written_name,
        plain.accent_free_name,
        min_by(aliases.name, aliases.priority) as alias_name
    from plain
    left join aliases
        on
            plain.entity = aliases.entity
            and case aliases.match
                when 'words' then contains(' ' || plain.plain_name || ' ', ' ' || aliases.pattern || ' ')
                when 'substring' then contains(plain.accent_free_name, aliases.pattern)
                when 'exact' then plain.plain_name = aliases.pattern
            end
    group by plain.entity, plain.written_name, plain.accent_free_name
)

select
    entity,
    written_name,
    coalesce(alias_name, accent_free_name) as name,
    alias_name is not null as is_known
from matched
