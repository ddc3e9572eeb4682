-- One row per sample number that a content of this run speaks of.
select distinct
    client,
    laboratory,
    sampleNumber
from {{ ref('int_checked_rows') }}
where sampleNumber is not null and content_id in (select content_id from {{ ref('pending_contents') }})
