-- depends_on: {{ ref('stg_columns') }}
-- One row per row of a sample that this run touches × essay, as the laboratory wrote it: essays in columns, in
-- name/value pairs, and in rows of their own alike. Where a row carries an essay more than once, the first by priority
-- and position counts; of a cell with an error, or one that is struck out, and another one it is the other. Two
-- different results under one name contradict each other: in rows of their own, in pairs, and in columns that
-- are called alike. The decimal mark is that of the column, where the text needs one and its cells prove it. A row of
-- units goes before the seed `lab_essays`.
-- The current row of a sample stands for it. Where the laboratory's re-issues are merged, it also has the essays that
-- only earlier rows have, each from the newest one. Rows with the cells of a newer one say nothing more.

with

touched_rows as (
    select * from {{ ref('touched_rows') }} where has_its_own_cells
),

-- The data rows of samples that have a result a row.
sample_rows as (
    select
        row_id as sample_row_id,
        unnest(data_row_ids) as row_id
    from touched_rows
    where data_row_ids is not null
),

wanted_rows as (
    select row_id from touched_rows
    union all
    select row_id from sample_rows
),

-- A sample whose last file was withdrawn falls back to a row that an earlier run read.
rows_read_before as (
    select * from {{ ref('bronze_rows') }}
    where
        row_id in (select row_id from wanted_rows)
        and content_id not in (select content_id from {{ ref('pending_contents') }})
),

-- Not kept for its readers: that is slower than reading the table several times.
cells as not materialized (
    select * from {{ ref('stg_cells') }}
    union all
    {{ cells_of('rows_read_before') }}
),

columns as (
    select
        *,
        count(*) over (partition by client, sheet, normal_form(header), essay) > 1 as is_repeated
    from {{ ref('stg_columns') }}
),

decimal_marks as (
    select * from {{ ref('int_decimal_marks') }}
),

essay_cells as (
    select
        cells.row_id,
        columns.essay,
        columns.unit,
        -- Columns of one name have one preference.
        columns.preference - if(columns.is_repeated, columns.preference % 1000, 0) as preference,
        {{ short_text('cells.text') }} as text,
        cells.kind,
        cells.row_id as data_row_id,
        columns.column_id,
        columns.column_id as mark_column_id,
        '' as name,
        columns.is_repeated as is_compared
    from cells
    inner join columns on cells.column_id = columns.column_id and columns.essay is not null
),

pair_names as (
    select
        cells.row_id,
        columns.laboratory,
        columns.sheet,
        columns.pair_name_index as pair_index,
        cells.text as name
    from cells
    inner join columns on cells.column_id = columns.column_id and columns.pair_name_index is not null
),

names as (
    select distinct
        laboratory,
        sheet,
        name
    from pair_names
),

{{ named_essays('names', ['laboratory', 'sheet', 'name']) }},

pair_values as (
    select
        cells.row_id,
        columns.pair_value_index as pair_index,
        {{ short_text('cells.text') }} as text,
        cells.kind,
        columns.column_id
    from cells
    inner join columns on cells.column_id = columns.column_id and columns.pair_value_index is not null
),

pair_units as (
    select
        cells.row_id,
        columns.pair_unit_index as pair_index,
        cells.text as unit
    from cells
    inner join columns on cells.column_id = columns.column_id and columns.pair_unit_index is not null
    where cells.text <> ''
),

essay_pairs as (
    select
        coalesce(sample_rows.sample_row_id, pair_names.row_id) as row_id,
        named.essay,
        coalesce(pair_units.unit, named.unit) as unit,
        (
            sample_rows.row_id is not null
            or count(*) over (partition by pair_names.row_id, pair_names.name) > 1
        ) as is_compared,
        named.priority * 1000 + if(is_compared, 0, pair_names.pair_index) as preference,
        pair_values.text,
        pair_values.kind,
        pair_values.row_id as data_row_id,
        pair_values.column_id,
        0 as mark_column_id,
        pair_names.name
    from pair_names
    inner join pair_values
        on pair_names.row_id = pair_values.row_id and pair_names.pair_index = pair_values.pair_index
    inner join named
        on
            pair_names.laboratory = named.laboratory
            and pair_names.sheet = named.sheet
            and pair_names.name = named.name
            and named.essay is not null
    left join pair_units
        on pair_names.row_id = pair_units.row_id and pair_names.pair_index = pair_units.pair_index
    left join sample_rows on pair_names.row_id = sample_rows.row_id
),

found as (
    select * from essay_cells
    union all by name
    select * from essay_pairs
),

words as (
    select distinct
        touched_rows.laboratory,
        found.essay,
        found.text
    from found
    inner join touched_rows on found.row_id = touched_rows.row_id
    where found.kind = 't' and found.text <> '' and not {{ is_plain_number('found.text') }}
),

not_measured_texts as (
    select meanings.*
    from (
        {{ value_meanings('words') }}
    ) as meanings
    where meanings.meaning = 'not_measured'
),

measured as (
    select
        found.* exclude (mark_column_id, name) replace (coalesce(of_column.unit, found.unit) as unit),
        touched_rows.laboratory,
        case
            when found.kind = 't' and regexp_matches(found.text, '[.,][0-9]{3}([^0-9]|$)')
                then coalesce(of_column.decimal_mark, of_content.decimal_mark, '')
            else ''
        end as decimal_mark
    from found
    inner join touched_rows on found.row_id = touched_rows.row_id
    anti join not_measured_texts
        on
            touched_rows.laboratory = not_measured_texts.laboratory
            and found.essay = not_measured_texts.essay
            and found.text = not_measured_texts.text
    left join decimal_marks as of_column
        on
            touched_rows.content_id = of_column.content_id
            and found.mark_column_id = of_column.column_id
            and found.name = of_column.name
    left join decimal_marks as of_content
        on
            touched_rows.content_id = of_content.content_id
            and found.mark_column_id = of_content.column_id
            and of_content.name = ''
    where found.text <> ''
),

-- Of results that are written alike under one name, the first. Nearly all results with one name are.
differently_written as (
    select
        row_id,
        laboratory,
        essay,
        preference,
        unit,
        text,
        kind,
        decimal_mark,
        min((data_row_id, column_id)) as first_place,
        first_place[1] as data_row_id,
        first_place[2] as column_id
    from measured
    where is_compared
    group by row_id, laboratory, essay, preference, unit, text, kind, decimal_mark
),

counted as (
    select
        * exclude (first_place),
        count(*) over (partition by row_id, essay, preference) > 1 as is_one_of_several
    from differently_written
),

-- Results of one name as they compare: in the essay's unit, which the cell, its row or its column says.
several as (
    select
        *,
        regexp_extract(text, '^([<>≤≥]?)=? ?([+-]?[0-9.,]+) ?([^0-9].*)?$', ['sign', 'digits', 'unit']) as part,
        if(kind = 'p', '%', coalesce(nullif(part['unit'], ''), unit)) as said_unit
    from counted
    where is_one_of_several
),

said_units as (
    select distinct
        essay,
        said_unit as lab_unit
    from several
    where said_unit is not null
),

essay_units as (
    {{ essay_units('said_units') }}
),

compared as (
    select
        several.* exclude (part, is_one_of_several),
        coalesce(nullif(several.decimal_mark, ''), laboratories.decimal_mark) as mark,
        case
            when several.kind in ('n', 'p') then try_cast(several.text as double)
            else {{ parse_number('several.part.digits', 'mark') }}
        end as number,
        coalesce(essay_units.unit, several.said_unit, essays.unit) as compared_unit,
        if(
            number is null,
            several.text,
            concat_ws(
                '|',
                translate(several.part.sign, '≤≥', '<>'),
                format('{:.9g}', number * coalesce(essay_units.factor, 1) + coalesce(essay_units.shift, 0)),
                lower(compared_unit)
            )
        ) as meaning,
        bool_and(several.kind in ('e', 'f', 'x'))
            over (partition by several.row_id, several.laboratory, several.essay, several.preference)
            as are_all_errors
    from several
    inner join {{ ref('laboratories') }} as laboratories on several.laboratory = laboratories.laboratory
    inner join {{ ref('essays') }} as essays on several.essay = essays.essay
    left join essay_units on several.essay = essay_units.essay and several.said_unit = essay_units.lab_unit
),

-- Two results of a sample under one name are the same, or neither can be believed. Of equal ones the first counts.
rows_of_their_own as (
    select
        row_id,
        laboratory,
        essay,
        preference,
        min(meaning) <> max(meaning) as is_contradictory,
        min_by(struct_pack(unit, text, kind, decimal_mark, data_row_id, column_id), (data_row_id, column_id)) as first,
        first['unit'] as unit,
        case
            when not is_contradictory then first['text']
            when min(text) <> max(text) then array_to_string(list_sort(list_distinct(list(text))), ' | ')
            else array_to_string(list_sort(list_distinct(list(concat_ws(' ', text, said_unit)))), ' | ')
        end as text,
        if(is_contradictory, 'c', first['kind']) as kind,
        first['decimal_mark'] as decimal_mark,
        first['data_row_id'] as data_row_id,
        first['column_id'] as column_id
    from compared
    where are_all_errors or kind not in ('e', 'f', 'x')
    group by row_id, laboratory, essay, preference
),

written as (
    select * exclude (is_compared) from measured where not is_compared
    union all by name
    select * exclude (is_one_of_several) from counted where not is_one_of_several
    union all by name
    select * exclude (is_contradictory, first) from rows_of_their_own
),

chosen as (
    select
        row_id,
        laboratory,
        essay,
        min_by(
            struct_pack(
                unit := unit,
                text := text,
                kind := kind,
                decimal_mark := decimal_mark,
                data_row_id := data_row_id,
                column_id := column_id
            ),
            preference + case when kind in ('e', 'f', 'x') then 1000000 else 0 end
        ) as result
    from written
    group by row_id, laboratory, essay
),

-- Rows of samples that several rows make up. They are few.
merged_rows as (
    select
        row_id,
        sample_row_id,
        revision
    from touched_rows
    where is_merged
    qualify count(*) over (partition by sample_row_id) > 1
),

-- The newest result of each essay, and of those that are not an error where there is one.
newest as (
    select
        merged_rows.sample_row_id as row_id,
        chosen.row_id as revision_row_id,
        chosen.laboratory,
        chosen.essay,
        chosen.result
    from chosen
    inner join merged_rows on chosen.row_id = merged_rows.row_id
    qualify
        row_number() over (
            partition by merged_rows.sample_row_id, chosen.essay
            order by chosen.result.kind in ('e', 'f', 'x'), merged_rows.revision
        ) = 1
),

taken as (
    select * from newest
    union all by name
    select
        row_id,
        row_id as revision_row_id,
        laboratory,
        essay,
        result
    from chosen
    where row_id not in (select sample_row_id from merged_rows)
)

select
    row_id,
    laboratory,
    essay,
    result.unit as lab_unit,
    result.text,
    result.kind,
    result.decimal_mark,
    result.data_row_id,
    result.column_id,
    revision_row_id
from taken
