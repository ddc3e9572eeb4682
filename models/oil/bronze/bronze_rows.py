"""One row per data row of a loaded file, every cell as text."""

from tribolake.lake.arrivals import staged_file
from tribolake.settings import load_settings

NO_ROWS = """
    select
        0::bigint as row_id, '' as arrival_id, '' as client, '' as sheet, 0::integer as row_number,
        map([''], ['']) as cells
    where false
"""


def model(dbt, session):
    dbt.config(materialized="incremental", incremental_strategy="append")
    arrivals = dbt.ref("bronze_arrivals").filter("status = 'loaded'").project("arrival_id, client, sha256")
    if dbt.is_incremental:
        arrivals = session.sql(f"select * from arrivals where arrival_id not in (select arrival_id from {dbt.this})")
    settings = load_settings()
    staged = [str(staged_file(settings, client, sha256)) for _, client, sha256 in arrivals.fetchall()]
    if not staged:
        return session.sql(NO_ROWS)
    rows = session.read_parquet(staged, filename=True)
    return session.sql("""
        select
            (hash(arrivals.arrival_id, rows.sheet, rows.row_number) >> 1)::bigint as row_id,
            arrivals.arrival_id,
            arrivals.client,
            rows.sheet,
            rows.row_number,
            rows.cells
        from rows
        inner join arrivals on parse_filename(rows.filename, true) = arrivals.client || '.' || arrivals.sha256
    """)
