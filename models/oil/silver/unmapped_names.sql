{{ config(materialized='view') }}

-- One row per name that no seed knows, in the files that are live: columns and essays that are not read, machines that
-- are not judged.
select
    names.client,
    names.sheet,
    names.kind,
    names.name,
    sum(names.cells_affected) as cells_affected
from {{ ref('int_unmapped_names') }} as names
inner join {{ ref('int_contents') }} as contents on names.content_id = contents.content_id
where contents.is_live
group by names.client, names.sheet, names.kind, names.name
