-- One row per content × column × date text with the moment it means, or why it means none. Where a text means two days,
-- the others of its form in the column tell the order of day and month, then the whole column, then the laboratory. A
-- column that contradicts itself tells nothing. A spreadsheet set to another order turns days up to the 12th into
-- dates, day and month exchanged, and leaves the others as texts: a column with nothing but both contradicts itself.

with

row_fields as (
    select * from {{ ref('stg_row_fields') }}
),

laboratories as (
    select * from {{ ref('laboratories') }}
),

date_texts as (
    select * from {{ ref('int_date_texts') }}
),

cells as (
    {% for field in ['sampleDate', 'labDate', 'reportDate'] -%}
        {{ 'union all' if not loop.first }}
        select
            content_id,
            laboratory,
            time_zone,
            {{ field }}_column as column_id,
            {{ field }} as text,
            dateSystem = '1904' as is_from_1904
        from row_fields
        where {{ field }} is not null
    {% endfor %}
),

texts as (
    select
        content_id,
        laboratory,
        time_zone,
        column_id,
        text,
        bool_or(is_from_1904) as is_from_1904,
        count(*) as cells
    from cells
    group by content_id, laboratory, time_zone, column_id, text
),

moments as (
    select
        texts.*,
        timezone('UTC', contents.first_listed_at) as first_listed_at,
        date_texts.form,
        date_texts.minutes_from_utc,
        date_texts.is_midnight_utc,
        regexp_matches(texts.text, '^[0-9]{4}-[0-9]{2}-[0-9]{2}') as is_iso,
        laboratories.day_first,
        laboratories.utc_midnight_is_a_date,
        date_texts.written_at + if(date_texts.is_serial and texts.is_from_1904, interval 1462 days, interval 0 days)
            as day_first_at,
        if(date_texts.form is null, day_first_at, date_texts.month_first_at) as month_first_at,
        if(active_policy.understands_texts, date_texts.year_first_at, null) as year_first_at,
        case
            when not active_policy.understands_texts or date_texts.form is null then null
            when date_texts.month_first_at is null then 'day'
            when date_texts.written_at is null then 'month'
        end as proof
    from texts
    inner join laboratories on texts.laboratory = laboratories.laboratory
    inner join date_texts on texts.text = date_texts.text
    inner join {{ ref('pending_contents') }} as contents on texts.content_id = contents.content_id
    cross join {{ ref('active_policy') }} as active_policy
),

proofs as (
    select
        content_id,
        column_id,
        form,
        proof,
        sum(cells) as cells
    from moments
    where proof is not null
    group by content_id, column_id, form, proof
),

of_forms as (
    select
        content_id,
        column_id,
        form,
        {{ proved_by_most('proof', 'cells') }} as proved_order
    from proofs
    group by content_id, column_id, form
),

of_columns as (
    select
        content_id,
        column_id,
        max(proof) as proved_order
    from proofs
    group by content_id, column_id
    having count(distinct proof) = 1
),

-- `26/01/15` is of 2015 with the day first. Forms of which nearly all dates may have the year first, with the years
-- that either order gives them.
years as (
    select
        content_id,
        column_id,
        form,
        max(year(year_first_at)) as last_year,
        last_year - min(year(year_first_at)) as years,
        max(year(day_first_at)) - min(year(day_first_at)) as years_with_day_first,
        max(year(day_first_at)) filter (where day_first_at <= first_listed_at) as last_year_with_day_first,
        sum(cells) filter (where day_first_at > first_listed_at) / sum(cells) as share_ahead
    from moments
    where form is not null
    group by content_id, column_id, form
    having sum(cells) filter (where year_first_at <= first_listed_at) >= 0.95 * sum(cells)
),

-- The year is first where years would be spread like days with the day first, and either lie ahead or be no newer.
-- Where they would be older and not spread, nothing tells which of the two is the year.
of_years as (
    select
        content_id,
        column_id,
        form,
        (
            years_with_day_first >= years + 3
            and (last_year >= coalesce(last_year_with_day_first, 0) or share_ahead >= 0.05)
        ) as is_year_first,
        not is_year_first and last_year > last_year_with_day_first as is_year_unclear
    from years
),

exchanged as (
    select
        content_id,
        column_id
    from moments
    cross join {{ ref('active_policy') }} as active_policy
    where active_policy.understands_texts
    group by content_id, column_id
    having
        coalesce(sum(cells) filter (where is_iso and day(day_first_at) <= 12), 0) >= 3
        and coalesce(sum(cells) filter (where proof is not null), 0) >= 3
        -- What a spreadsheet leaves a text is of one order. Texts of both were not left by one.
        and count(distinct proof) = 1
        and bool_and(proof is not null or (is_iso and day(day_first_at) <= 12) or day_first_at is null)
),

ordered as (
    select
        moments.*,
        exchanged.content_id is not null as is_exchanged,
        coalesce(of_years.is_year_first, false) as is_year_first,
        coalesce(of_years.is_year_unclear, false) as is_year_unclear,
        coalesce(of_forms.proved_order, of_columns.proved_order) as proved_order,
        case coalesce(of_forms.proved_order, of_columns.proved_order)
            when 'day' then true
            when 'month' then false
            else moments.day_first
        end as is_day_first
    from moments
    left join of_forms
        on
            moments.content_id = of_forms.content_id
            and moments.column_id = of_forms.column_id
            and moments.form = of_forms.form
    left join of_years
        on
            moments.content_id = of_years.content_id
            and moments.column_id = of_years.column_id
            and moments.form = of_years.form
    left join of_columns on moments.content_id = of_columns.content_id and moments.column_id = of_columns.column_id
    left join exchanged on moments.content_id = exchanged.content_id and moments.column_id = exchanged.column_id
),

decided as (
    select
        *,
        case
            when is_year_first then year_first_at
            when is_day_first then day_first_at
            else month_first_at
        end as decided_at,
        case
            when is_year_unclear then 'date_order_contradictory'
            when
                not is_year_first
                and form is not null
                and proved_order = 'contradictory'
                and day_first_at <> month_first_at
                then 'date_order_contradictory'
            when is_iso and is_exchanged then 'date_order_contradictory'
            when decided_at is null then 'field_not_a_date'
            when decided_at < timestamp '1980-01-01' then 'date_before_1980'
            when decided_at > timestamp '2100-01-01' then 'date_in_the_future'
        end as rejection
    from ordered
)

select
    content_id,
    column_id,
    text,
    case when rejection is null then decided_at end as written_at,
    case
        when rejection is not null then null
        when minutes_from_utc is not null and not (utc_midnight_is_a_date and is_midnight_utc)
            then cast(timezone(time_zone, timezone('UTC', decided_at)) as date)
        else cast(decided_at as date)
    end as local_date,
    rejection
from decided
