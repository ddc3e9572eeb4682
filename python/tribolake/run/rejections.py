"""What was delivered and is not used, by file and reason. Each is reported once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb

from tribolake.product import Product
from tribolake.texts import cut

SHOWN_CHARACTERS = 60
SHOWN_PATH = 200
SHOWN_MESSAGE = 300
EXAMPLES = ("sheet", "row", "column", "sample", "essay", "text", "detail")


@dataclass(frozen=True)
class Rejection:
    """What is not used of a file for one reason.

    `share` is the share of the file's rows. `identity` stays the same while there is nothing new to report.
    """

    client: str
    file: str
    reason: str
    subject: str  # file, sheet, column, row, sample, field or value
    meaning: str
    advice: str
    rejected: int
    rows: int
    share: float
    is_worth_telling: bool
    needs_a_look: bool
    identity: str
    examples: list[dict[str, Any]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        names = ("client", "file", "reason", "subject", "meaning", "advice", "rejected", "rows", "share")
        return {name: getattr(self, name) for name in names} | {
            "needs_a_look": self.needs_a_look,
            "examples": self.examples,
        }


def read_rejections(warehouse: duckdb.DuckDBPyConnection, product: Product) -> list[Rejection]:
    """Read what is not used of the live files. What needs a look comes first."""
    if product.warehouse.rejected is None:
        return []
    cursor = warehouse.execute(product.warehouse.rejected)
    names = [column[0] for column in cursor.description or []]
    rows = (dict(zip(names, row, strict=True)) for row in cursor.fetchall())
    return [Rejection(**row | {"examples": [_example(found) for found in row["examples"]]}) for row in rows]


def not_reported_yet(warehouse: duckdb.DuckDBPyConnection, found: Sequence[Rejection]) -> list[Rejection]:
    """Return what no run has reported yet, or what has become more since."""
    reported = dict(warehouse.execute("select identity, rejected from control.told_rejections").fetchall())
    return [one for one in found if reported.get(one.identity, 0) < one.rejected]


def remember_reported(warehouse: duckdb.DuckDBPyConnection, found: Sequence[Rejection]) -> None:
    """Keep what was reported. What is over is forgotten, so that it is reported again if it comes back."""
    known = [one.identity for one in found]
    # No key is deleted and inserted in one transaction: DuckDB ends the process if it cannot commit that (a full disk).
    warehouse.execute("delete from control.told_rejections where not list_contains(?::varchar[], identity)", [known])
    warehouse.execute(
        "insert into control.told_rejections select identity, max(rejected)"
        " from (select unnest(?::varchar[]) as identity, unnest(?::bigint[]) as rejected) group by identity"
        " on conflict do update set rejected = excluded.rejected",
        [known, [one.rejected for one in found]],
    )


def counts_by_reason(found: Sequence[Rejection], client: str) -> dict[str, int]:
    """Count what is not used of a client's files, by reason."""
    counts: dict[str, int] = {}
    for one in found:
        if one.client == client:
            counts[one.reason] = counts.get(one.reason, 0) + one.rejected
    return dict(sorted(counts.items()))


def format_rejection(one: Mapping[str, Any]) -> str:
    """Say in one line what is not used of a file, why, and where examples are."""
    places = "; ".join(filter(None, map(format_example, one["examples"])))
    what = f"{one['rejected']:,} × {one['reason']}" if one["subject"] != "file" else one["reason"]
    return f"{cut(one['file'], SHOWN_PATH)}: {what} ({one['meaning']}){': ' if places else ''}{places}"


def format_example(example: Mapping[str, Any]) -> str:
    """Say where a thing stands in its file, and its text. A file without sheets has the sheet `*`."""
    places = [f"{name} {example[name]}" for name in ("sheet", "row", "column") if example[name] not in (None, "", "*")]
    texts = [repr(example["text"])] if example.get("text") is not None else []
    texts += [str(example["detail"])] if example.get("detail") is not None else []
    return " ".join([", ".join(places), *texts]).strip()


def _example(found: Mapping[str, Any]) -> dict[str, Any]:
    values = dict(zip(EXAMPLES, found.values(), strict=True))
    limits = {"detail": SHOWN_MESSAGE}
    return {
        name: cut(value, limits.get(name, SHOWN_CHARACTERS)) if isinstance(value, str) else value
        for name, value in values.items()
    }
