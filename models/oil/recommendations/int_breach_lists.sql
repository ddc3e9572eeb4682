-- One row per judged report with breaches: its breaches in the order in which a text lists them, and the list itself.

{#- How many a machine's text has of its first component. -#}
{% set of_machine = 2 %}

with

breaches as (
    select * from {{ ref('int_breaches') }}
),

phrases as (
    {{ phrases(['report.more', 'report.critical_too']) }}
),

listed as (
    select
        row_id,
        bool_and(essay_group = 'Aditivo') as is_only_additives,
        string_agg(said, ', ' order by place) filter (where place <= {{ of_machine }}) as first_breaches,
        list(
            struct_pack(essay := essay, name := name, said := coalesce(said_with_before, said), rank := rank)
            order by place
        ) as breach_list
    from breaches
    group by row_id
)

select
    listed.row_id,
    listed.is_only_additives,
    listed.first_breaches,
    listed.breach_list,
    {{ listed_breaches('listed.breach_list') }} as breaches
from listed
cross join phrases
