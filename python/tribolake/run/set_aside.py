"""Set aside the contents that fail a build. One of them must not hold up the others and all clients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import duckdb

from tribolake.product import Product
from tribolake.run.dbt import Dbt, ModelFailed
from tribolake.run.warehouse import relation_exists, transaction

Columns = dict[str, list[str]]
# One content among ten thousand fails 15 builds before it is found.
MOST_FAILURES = 20


class _TooManyFail(Exception):
    """Too many builds fail for one content to be the cause."""


@dataclass
class Build:
    """A build that goes on without contents that fail it. `isolated` is True if it had to look for them."""

    dbt: Dbt
    product: Product
    load_seeds: bool
    since: datetime  # contents that arrived before were built already, so they do not fail it
    isolated: bool = False
    _failures: int = 0
    _kept: dict[str, list[tuple[str, str, int]]] = field(default_factory=dict)

    def run(self, *, rebuild: bool) -> Columns:
        """Build the models.

        If a model fails, build without the new contents. If that works, add all of them again. If that fails for the
        second time, add the halves of them, and so on. A single content that fails is a failed arrival.

        Raises:
            RunFailed: the build fails without the new contents too, of all contents, or of many. This is not the fault
                of a content, so none is set aside.
        """
        columns: Columns | None
        try:
            return self.dbt.build(load_seeds=self.load_seeds, rebuild=rebuild)
        except ModelFailed as error:
            cause = error
            new = self._new_contents()
            if not new:
                raise
            self.dbt.progress(f"build without {len(new):,} new contents ({error})")
            self._set_aside(new, str(error))
            try:
                columns = self.dbt.build(load_seeds=self.load_seeds, rebuild=True)
            except ModelFailed:
                self._bring_back(new)
                raise error from None
        self.isolated = True
        try:
            columns = self._add(new) or columns
        except _TooManyFail:
            columns = None
        if columns is None or not self._has_contents():
            self._bring_back(new)
            raise cause
        return columns

    def _add(self, contents: Sequence[str]) -> Columns | None:
        """Return the columns of the last build that worked."""
        self._bring_back(contents)
        try:
            return self.dbt.build(load_seeds=False, rebuild=False)
        except ModelFailed as error:
            self._failures += 1
            if self._failures > MOST_FAILURES:
                raise _TooManyFail from error
            self._set_aside(contents, str(error), for_good=len(contents) == 1)
            columns = self.dbt.build(load_seeds=False, rebuild=True)  # forgets what the failed build left
        if len(contents) > 1:
            half = len(contents) // 2
            for part in (contents[:half], contents[half:]):
                columns = self._add(part) or columns
        return columns

    def _has_contents(self) -> bool:
        with self.dbt.warehouse() as warehouse:
            found = warehouse.execute(f"select count(*) from {self.product.warehouse.arrivals} where status = 'loaded'")
            (loaded,) = found.fetchone() or (0,)
        return bool(loaded)

    def _new_contents(self) -> list[str]:
        with self.dbt.warehouse() as warehouse:
            if not relation_exists(warehouse, self.product.warehouse.arrivals):  # a first run failed before it
                return []
            found = warehouse.execute(
                f"select content_id from {self.product.warehouse.arrivals}"
                " where status = 'loaded' and arrived_at >= $since order by rows_read, content_id",
                {"since": self.since},
            ).fetchall()
        return [content for (content,) in found]

    def _set_aside(self, contents: Sequence[str], problem: str, *, for_good: bool = False) -> None:
        """Make the arrivals of contents failed ones. Unless it is for good, the run after a killed one reads them."""
        message = f"set aside, because the build fails with it: {problem}. `tribolake arrivals retry` tries it again"
        with self.dbt.warehouse() as warehouse, transaction(warehouse):
            for content in contents:
                self._kept[content] = warehouse.execute(
                    f"select arrival_id, status, rows_read from {self.product.warehouse.arrivals}"
                    " where content_id = $content and status in ('loaded', 'duplicate')",
                    {"content": content},
                ).fetchall()
            self._update(
                warehouse,
                "status = 'failed', message = $message, rows_read = 0, is_transient = $is_transient",
                [
                    {"message": message, "is_transient": not for_good, "arrival": arrival}
                    for content in contents
                    for arrival, _, _ in self._kept[content]
                ],
            )
            # The files of this run are read. A killed run rebuilds all tables.
            warehouse.execute("delete from control.found_files")
            warehouse.execute("update control.unfinished set rebuild = true")

    def _bring_back(self, contents: Sequence[str]) -> None:
        with self.dbt.warehouse() as warehouse, transaction(warehouse):
            self._update(
                warehouse,
                "status = $status, rows_read = $rows_read, is_transient = false,"
                " message = if($status = 'duplicate', 'the same content is loaded already', null)",
                [
                    {"status": status, "rows_read": rows, "arrival": arrival}
                    for content in contents
                    for arrival, status, rows in self._kept[content]
                ],
            )

    def _update(
        self, warehouse: duckdb.DuckDBPyConnection, changes: str, arrivals: Sequence[dict[str, object]]
    ) -> None:
        for arrival in arrivals:
            warehouse.execute(
                f"update {self.product.warehouse.arrivals} set {changes} where arrival_id = $arrival", arrival
            )
