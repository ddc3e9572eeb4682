{#-
  Compartments that share their oil with others: one row per machineModel, componentName and componentNameNormalized of
  the samples, with the sump. A name that fits two sumps has the first.
-#}
{% macro shared_sumps() -%}
    select
        compartments.machineModel,
        compartments.componentName,
        compartments.componentNameNormalized,
        min(sump_groups.sump) as sump
    from (
        select distinct
            machineModel,
            componentName,
            componentNameNormalized
        from {{ ref('samples') }}
    ) as compartments
    inner join {{ ref('sump_groups') }} as sump_groups
        on
            {{ plain_name('compartments.machineModel') }} = sump_groups.machine_model
            and compartments.componentNameNormalized = sump_groups.component
            and (
                sump_groups.position is null
                or list_contains(
                    string_split({{ plain_name('compartments.componentName') }}, ' '), sump_groups.position
                )
            )
    group by all
{%- endmacro %}
