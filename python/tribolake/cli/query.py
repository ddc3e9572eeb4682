"""`tribolake query`: query published tables in SQL."""

from __future__ import annotations

import csv
import math
import sys
from typing import Annotated, Any

import typer

from tribolake.cli.console import SHOWN_ROWS
from tribolake.cli.lineage_tables import print_answer
from tribolake.cli.log import log
from tribolake.cli.options import (
    ClientOption,
    JsonOption,
    LakeOption,
    ProductOption,
    explained_errors,
    new_app,
    open_settings,
    print_json,
)
from tribolake.cli.printable import not_a_formula
from tribolake.products import product_called
from tribolake.texts import one_line
from tribolake.trace.query import Answer
from tribolake.trace.query import query as ask

BYTE_ORDER_MARK = "\ufeff"

app = new_app()


@app.command(
    epilog="**Examples**\n\n"
    '`tribolake query "select report_status, count(*) from classified_reports group by all"`\n\n'
    '`tribolake query "from machine_status_current order by priority_score desc" --client cda --csv > fleet.csv`\n\n'
    '`tribolake query "show tables" --lake s3://mining-data-mesh`\n\n'
    '`tribolake query "select session_date, rsi_14 from indicators" --product market`'
)
def query(
    sql: Annotated[str, typer.Argument(metavar="SQL", help="One reading statement.")],
    lake: LakeOption = None,
    name: ProductOption = "oil",
    client: ClientOption = None,
    limit: Annotated[
        int | None,
        typer.Option(min=0, help=f"Most rows. [default: {SHOWN_ROWS} in a table, else all]"),
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")] = False,
    as_csv_for_excel: Annotated[
        bool, typer.Option("--csv-excel", help="The same for spreadsheets: no text is taken for a formula.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Query gold, silver and bronze of a lake in SQL, in a folder or on S3. Nothing else can be read or written.

    Tables: `classified_reports`, `machine_status_current`, `stewart_limits`, `component_status`, `results`,
    `harmonized` and `rejected`, each with all clients as their manifests name them. Of `--product market`:
    `indicators`, `percentiles`, `features`, `correlations`, `bars` and the notes about bars. `bronze_NAME` is
    the bronze of a client that delivers Parquet.
    """
    with explained_errors():
        is_table = not (as_json or as_csv or as_csv_for_excel)
        shown = SHOWN_ROWS if limit is None and is_table else limit
        product = product_called(name)
        answer = ask(product, product.of(open_settings(lake=lake)), sql, clients=client, limit=shown)
        for file in answer.left_out:
            log(f"bronze is shown without {one_line(file)}, which could not be read", "warning")
        if as_json:
            print_json({"rows": _as_json(answer), "is_cut": answer.is_cut})
        elif is_table:
            print_answer(answer)
        else:
            _print_csv(answer, for_excel=as_csv_for_excel)


def _print_csv(answer: Answer, *, for_excel: bool) -> None:
    """Print rows as CSV. Spreadsheets run texts that look like formulas, and guess the encoding without a mark."""
    if for_excel:
        sys.stdout.write(BYTE_ORDER_MARK)
    writer = csv.writer(sys.stdout, lineterminator="\r\n" if for_excel else "\n")
    shown_cell = one_line if sys.stdout.isatty() else not_a_formula if for_excel else str
    for row in (answer.columns, *answer.rows):
        writer.writerow([shown_cell(cell) if isinstance(cell, str) else cell for cell in row])


def _as_json(answer: Answer) -> list[dict[str, Any]]:
    """Return the rows with null for NaN and infinity, which JSON does not have."""
    return [
        {name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in row.items()}
        for row in answer.as_dicts()
    ]
