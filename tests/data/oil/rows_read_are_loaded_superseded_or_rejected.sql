-- Conservation: every row that was read from a file is a sample, an older revision of one, or in rejected_rows.
select
    client,
    file_key,
    rows_read,
    rows_loaded,
    rows_superseded,
    rows_rejected
from {{ ref('arrival_reconciliation') }}
where status = 'loaded' and rows_read <> rows_loaded + rows_superseded + rows_rejected
