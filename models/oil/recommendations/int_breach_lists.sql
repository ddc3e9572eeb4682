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
        -- Of what decides: one trend if more of it is worse, and whether it rises faster than the oil hours.
        case
            when
                bool_and(essay_group in ('Desgaste', 'Contaminante') or essay = 'Índice PQ') filter (where is_evidence)
                -- Nothing falls as long as any other breach of wear or contamination rises, nor rises while one falls.
                and count(distinct trend) filter (
                    where
                    is_evidence
                    or (trend in ('rose', 'fell') and is_low is not true and essay_group <> 'Aditivo')
                ) = 1
                then any_value(trend) filter (where is_evidence)
            when bool_and(is_low and trend = 'rose') filter (where is_evidence) then 'recovers'
        end as trend,
        max(rate_change) filter (where is_evidence) as rate_change,
        coalesce(bool_and(same_oil_agrees) filter (where is_evidence), false) as same_oil_agrees,
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
    listed.trend,
    {{ band_of('rate', 'listed.rate_change') }} as rate,
    listed.same_oil_agrees,
    listed.first_breaches,
    listed.breach_list,
    {{ listed_breaches('listed.breach_list') }} as breaches,
    {{ listed_breaches('listed.breach_list', with_values=2) }} as short_breaches
from listed
cross join phrases
