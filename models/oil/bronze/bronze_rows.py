"""One row per data row of a content that was loaded, every cell as text with the letter of its kind."""

from tribolake.oil.reading import staged_file
from tribolake.settings import load_settings

NO_ROWS = """
    select
        0::bigint as row_id, '' as content_id, '' as client, '' as sheet, 0::integer as row_number,
        map([''], ['']) as cells, '' as kinds
    where false
"""


def model(dbt, session):
    dbt.config(materialized="scope", incremental_strategy="append", full_refresh=False)
    # A content without rows would be read again by every run, and its staged file is gone by then.
    arrivals = dbt.ref("bronze_arrivals").filter("status = 'loaded' and rows_read > 0")
    contents = arrivals.project("content_id, client, sha256")
    if dbt.is_incremental:
        contents = session.sql(f"select * from contents where content_id not in (select content_id from {dbt.this})")
    settings = load_settings()
    staged = [str(staged_file(settings, client, sha256)) for _, client, sha256 in contents.fetchall()]
    if not staged:
        return session.sql(NO_ROWS)
    rows = session.read_parquet(staged, filename=True)
    return session.sql("""
        select
            (hash(contents.content_id, rows.sheet, rows.row_number) >> 1)::bigint as row_id,
            contents.content_id,
            contents.client,
            rows.sheet,
            rows.row_number,
            rows.cells,
            rows.kinds
        from rows
        inner join contents on parse_filename(rows.filename, true) = contents.client || '.' || contents.sha256
    """)
