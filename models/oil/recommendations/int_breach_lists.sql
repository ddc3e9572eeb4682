-- One row per judged report with breaches: its breaches as a text lists them, and the slots of its pattern.
-- A list has what the first rule speaks of, then the worst of the others, with their values, and the other critical
-- ones by name, so that none is left unsaid and a text stays short, whatever a sample holds.

{#- How many breaches a list has with their values: all of a report, or those that its pattern does not speak of. -#}
{% set of_all, of_others = 5, 4 %}
{#- How many a machine's text has of its first component. -#}
{% set of_machine = 2 %}
{#- What counts for the status comes before what does not. -#}
{% set worst_first = 'status_points > 0 desc, rank desc, status_points desc, essay asc' %}

with

placed as (
    select
        *,
        row_number() over (partition by row_id order by is_evidence desc, {{ worst_first }}) as place,
        row_number() over (partition by row_id, is_evidence order by {{ worst_first }}) as place_of_kind
    from {{ ref('int_breaches') }}
),

phrases as (
    {{ phrases(['report.more', 'report.critical_too']) }}
),

listed as (
    select
        row_id,
        bool_and(essay_group = 'Aditivo') as is_only_additives,
        string_agg(coalesce(said_with_before, said), ', ' order by place) filter (where place <= {{ of_all }})
            as breaches,
        string_agg(said, ', ' order by place) filter (where place <= {{ of_machine }}) as first_breaches,
        string_agg(name, ', ' order by place) filter (where place > {{ of_all }} and rank = 3) as critical,
        count(*) filter (where place > {{ of_all }} and rank < 3) as more,
        string_agg(said, ', ' order by place) filter (where not is_evidence and place_of_kind <= {{ of_others }})
            as other_breaches,
        string_agg(name, ', ' order by place) filter (
            where not is_evidence and place_of_kind > {{ of_others }} and rank = 3
        ) as other_critical,
        count(*) filter (where not is_evidence and place_of_kind > {{ of_others }} and rank < 3) as more_others,
        list(struct_pack(name := essay || '.value', text := value_text) order by essay)
        filter (where is_evidence) as value_slots,
        list(struct_pack(name := essay || '.limit', text := limit_with_unit) order by essay)
        filter (where is_evidence and limit_text is not null) as limit_slots
    from placed
    group by row_id
)

select
    listed.row_id,
    listed.is_only_additives,
    listed.first_breaches,
    concat_ws(
        ' ',
        concat_ws(
            ', ', listed.breaches,
            {{ filled_phrase('phrases.report_critical_too', {'names': 'listed.critical'}) }}
        ),
        case
            when listed.more > 0
                then {{ filled_phrase('phrases.report_more', {'count': 'cast(listed.more as varchar)'}) }}
        end
    ) as breaches,
    concat_ws(
        ' ',
        concat_ws(
            ', ', listed.other_breaches,
            {{ filled_phrase('phrases.report_critical_too', {'names': 'listed.other_critical'}) }}
        ),
        case
            when listed.more_others > 0
                then {{ filled_phrase('phrases.report_more', {'count': 'cast(listed.more_others as varchar)'}) }}
        end
    ) as other_breaches,
    list_concat(listed.value_slots, listed.limit_slots) as slots
from listed
cross join phrases
