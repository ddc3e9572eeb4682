"""Alarm quality: how far alarms agree with laboratories and findings, which samples are due, and what is not used."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from tribolake.oil.questions.quality import Quality
from tribolake.readers.layout import ANY_SHEET
from tribolake.web.addresses import LINEAGE, QUALITY, TAKE_QUALITY, Addresses
from tribolake.web.views.parts import File, files_of, tables_of
from tribolake.web.words import Words

SHOWN_MONTHS = 24
SHOWN_RULES = 20
NOTHING = "–"
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Cell:
    """A cell of a table. It leads to a page if it has an address."""

    text: str
    href: str | None = None


@dataclass(frozen=True)
class Table:
    """A table: its first column names each row. `numbers` has the places of columns that are numbers."""

    title: str
    note: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    numbers: frozenset[int]
    empty: str
    downloads: tuple[File, ...]


@dataclass(frozen=True)
class ClientLink:
    label: str
    href: str
    is_chosen: bool


@dataclass(frozen=True)
class QualityPage:
    """`summary` has the sentences above the tables, `sections` their titles and tables."""

    clients: tuple[ClientLink, ...]
    summary: tuple[str, ...]
    sections: tuple[tuple[str, tuple[Table, ...]], ...]
    downloads: tuple[File, ...]


def quality_page(
    quality: Quality, clients: Sequence[str], chosen: str, words: Words, addresses: Addresses
) -> QualityPage:
    """Return the page of alarm quality.

    Args:
        quality: of the chosen clients.
        clients: all clients.
        chosen: the client in the address. An empty text is all.
        words: the language.
        addresses: of other pages.
    """
    tables = _Tables(words, addresses, chosen)
    (every,) = quality.of_part("all")
    links = (ClientLink(one.upper() or words("filter.all"), addresses.page(QUALITY, client=one), one == chosen)
             for one in ("", *clients))  # fmt: skip
    sections = (
        ("alarms", (tables.alarms(quality, "component"), tables.alarms(quality, "rule"), tables.limits(quality),
                    tables.alarms(quality, "month"))),
        ("samples", (tables.sampling(quality), tables.overdue(quality), tables.sites(quality))),
        ("unused", (tables.not_used(quality), tables.examples(quality), tables.unmapped(quality))),
        ("published", (tables.published(quality),)),
    )  # fmt: skip
    return QualityPage(
        tuple(links) if len(clients) > 1 else (),
        (
            words("quality.verdicts", **tables.said(every, "alarms_with_verdict", "alarms_with_action", "actions"),
                  precision=tables.share(every["precision"]), recall=tables.share(every["recall"])),
            words("quality.findings", **tables.said(every, "alarms_confirmed", "alarms_not_confirmed", "confirmed"),
                  precision=tables.share(every["precision_found"]), recall=tables.share(every["recall_found"])),
        ),
        tuple((words(f"quality.section.{name}"), found) for name, found in sections),
        files_of(("XLSX", addresses.page(TAKE_QUALITY, client=chosen, form="xlsx"))),
    )  # fmt: skip


@dataclass(frozen=True)
class _Column:
    name: str
    cell: Callable[[Row], Cell]
    is_number: bool = False


@dataclass(frozen=True)
class _Tables:
    words: Words
    addresses: Addresses
    client: str

    def alarms(self, quality: Quality, part: str) -> Table:
        rows = quality.of_part(part)
        shown = {"month": rows[:SHOWN_MONTHS], "rule": rows[:SHOWN_RULES]}.get(part, rows)
        names = {"component": self._component("component", "name"), "rule": _Column("rule", self._rule)}
        return self._table(
            f"by_{part}", shown,
            names.get(part) or self._text(part, "name"), self._number("alarms"), self._share("precision"),
            self._share("recall"), self._number("false", "false_alarms"), self._number("confirmed", "alarms_confirmed"),
            self._share("precision_found"), self._share("recall_found"),
        )  # fmt: skip

    def limits(self, quality: Quality) -> Table:
        return self._table(
            "limits", quality.limits,
            _Column("essay", lambda row: Cell(self.words.essay(row["essay"]))), self._component("component"),
            _Column("machine", lambda row: Cell((row["machine"] or "").upper())),
            _Column("limit_source", lambda row: Cell(self.words(f"quality.source.{row['limit_source'] or 'none'}"))),
            self._number("false", "false_alarms"), self._number("right", "right_alarms"), self._number("alarms"),
        )  # fmt: skip

    def sampling(self, quality: Quality) -> Table:
        return self._table(
            "sampling", quality.sampling,
            self._component("component"), self._number("components"), self._number("usual", "usual_days"),
            self._number("due"), self._number("overdue"), self._number("unknown"),
        )  # fmt: skip

    def overdue(self, quality: Quality) -> Table:
        return self._table(
            "overdue", quality.overdue,
            _Column("machine", self._machine), self._text("component"), self._text("client"),
            _Column("sampled", lambda row: Cell(self.words.day(row["sample_date"]))),
            self._number("usual", "usual_days"), self._number("days"),
        )  # fmt: skip

    def sites(self, quality: Quality) -> Table:
        return self._table(
            "sites", quality.sites,
            _Column("site", lambda row: Cell(row["site"] or self.words("quality.no_site"))), self._text("client"),
            self._number("components"), self._share("on_time"), self._number("results"), self._number("rejected"),
            self._share("used"),
        )  # fmt: skip

    def not_used(self, quality: Quality) -> Table:
        return self._table(
            "not_used", quality.not_used,
            self._reason(), self._text("client"), self._number("things"), self._number("files"),
        )  # fmt: skip

    def examples(self, quality: Quality) -> Table:
        return self._table(
            "examples", quality.examples,
            _Column("place", lambda row: Cell(_place(row))), self._text("text"), self._reason(), self._text("client"),
            _Column("sample", self._origin),
        )  # fmt: skip

    def unmapped(self, quality: Quality) -> Table:
        return self._table(
            "unmapped", quality.unmapped,
            self._text("name"), self._reason(), self._text("client"), self._text("file"), self._number("files"),
        )  # fmt: skip

    def published(self, quality: Quality) -> Table:
        return self._table(
            "published", quality.published,
            _Column("client", lambda row: Cell(row["client"].upper())),
            _Column("moment", lambda row: Cell(f"{self.words.moment(row['published_at'])} UTC")),
            _Column("newest", lambda row: Cell(self.words.day(row["newest_sample"]))), self._text("policy"),
            self._number("reports"), self._number("machines"),
            _Column("runs", lambda row: Cell(", ".join(quality.runs[row["client"]]))),
        )  # fmt: skip

    def said(self, row: Row, *names: str) -> dict[str, str]:
        return {name: self.words.number(row[name]) for name in names}

    def share(self, share: float | None) -> str:
        """Return a share in per cent. One of nothing is a dash."""
        return NOTHING if share is None else f"{self.words.number(round(100 * share, 1))} %"

    def _table(self, name: str, rows: Sequence[Row], *columns: _Column) -> Table:
        return Table(
            self.words(f"quality.{name}.title"),
            self.words(f"quality.{name}.note"),
            tuple(self.words(f"quality.column.{column.name}") for column in columns),
            tuple(tuple(column.cell(row) for column in columns) for row in rows),
            frozenset(place for place, column in enumerate(columns) if column.is_number),
            self.words("quality.empty"),
            tables_of(partial(self._taken, name)),
        )

    def _taken(self, name: str, form: str) -> str:
        return self.addresses.page(TAKE_QUALITY, client=self.client, table=name, form=form)

    def _text(self, name: str, field: str | None = None) -> _Column:
        return _Column(name, lambda row: Cell(row[field or name] or ""))

    def _number(self, name: str, field: str | None = None) -> _Column:
        def cell(row: Row) -> Cell:
            value = row[field or name]
            return Cell(NOTHING if value is None else self.words.number(value))

        return _Column(name, cell, is_number=True)

    def _share(self, name: str) -> _Column:
        return _Column(name, lambda row: Cell(self.share(row[name])), is_number=True)

    def _component(self, name: str, field: str | None = None) -> _Column:
        def cell(row: Row) -> Cell:
            family = row[field or name] or ""
            return Cell(self.words.family(family))

        return _Column(name, cell)

    def _reason(self) -> _Column:
        return _Column("reason", lambda row: Cell(self.words.texts.get(f"reason.{row['reason']}", row["reason"])))

    def _rule(self, row: Row) -> Cell:
        rule = str(row["name"])
        return Cell(" ".join(filter(None, (self.words.of_field(f"{rule}.name", ""), f"({rule})"))))

    def _machine(self, row: Row) -> Cell:
        return Cell(row["unit_id"], self.addresses.machine(row["client"], row["unit_id"]))

    def _origin(self, row: Row) -> Cell:
        """Return the number of a sample. If it is published, it leads to its row."""
        number = row["sampleNumber"] or ""
        if not row["is_published"]:
            return Cell(number)
        return Cell(number, self.addresses.sample(LINEAGE, row["client"], number, None, None, essay=row["essay"]))


def _place(row: Row) -> str:
    sheet = row["sheet"] if row["sheet"] not in (None, "", ANY_SHEET) else ""
    file = row["file_key"].rpartition("/")[2]
    return " · ".join(str(part) for part in (file, sheet, row["row"], row["column_name"]) if part not in (None, ""))
