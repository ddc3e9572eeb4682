"""`tribolake query`: query published tables in SQL."""

from __future__ import annotations

import csv
import math
import sys
from typing import Annotated, Any

import typer

from tribolake.cli.lineage_tables import print_answer
from tribolake.cli.options import (
    ClientOption,
    JsonOption,
    LakeOption,
    explained_errors,
    new_app,
    open_settings,
    print_json,
)
from tribolake.products import OIL
from tribolake.trace.query import Answer
from tribolake.trace.query import query as ask

SHOWN_ROWS = 40

app = new_app()


@app.command(
    epilog="**Examples**\n\n"
    '`tribolake query "select report_status, count(*) from classified_reports group by all"`\n\n'
    '`tribolake query "from machine_status_current order by priority_score desc" --client cda --csv > fleet.csv`\n\n'
    '`tribolake query "show tables" --lake s3://mining-data-mesh`'
)
def query(
    sql: Annotated[str, typer.Argument(metavar="SQL", help="One reading statement.")],
    lake: LakeOption = None,
    client: ClientOption = None,
    limit: Annotated[
        int | None,
        typer.Option(min=0, help=f"Most rows. [default: {SHOWN_ROWS} in a table, else all]"),
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Query gold, silver and bronze of a lake in SQL, in a folder or on S3. Nothing else can be read or written.

    Tables: `classified_reports`, `machine_status_current`, `stewart_limits` and `harmonized`, each with all
    clients as their manifests name them. `bronze_NAME` is the bronze of a client that delivers Parquet files.
    """
    with explained_errors():
        shown = limit if limit is not None or as_json or as_csv else SHOWN_ROWS
        answer = ask(OIL, open_settings(lake=lake), sql, clients=client, limit=shown)
        if as_json:
            print_json({"rows": _as_json(answer), "is_cut": answer.is_cut})
        elif as_csv:
            writer = csv.writer(sys.stdout, lineterminator="\n")
            writer.writerow(answer.columns)
            writer.writerows(answer.rows)
        else:
            print_answer(answer)


def _as_json(answer: Answer) -> list[dict[str, Any]]:
    """Return the rows with null for NaN and infinity, which JSON does not have."""
    return [
        {name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in row.items()}
        for row in answer.as_dicts()
    ]
