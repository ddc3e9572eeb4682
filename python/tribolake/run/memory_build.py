"""Build models of a product in memory, as a first run builds them, from tables that are given."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import duckdb
import pyarrow as pa

from tribolake.product import Product
from tribolake.run.compiled_models import CompiledModel, CompiledProject, Seed
from tribolake.run.control_tables import control_tables
from tribolake.settings import PROJECT_DIR, Settings
from tribolake.sql import literal, quoted


@contextmanager
def open_memory(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an empty database in memory, under the name that compiled models give to a warehouse."""
    with duckdb.connect(config={"memory_limit": settings.memory_limit}) as connection:
        connection.execute("attach ':memory:' as warehouse; use warehouse; set threads = 1")
        yield connection


def build_in_memory(
    connection: duckdb.DuckDBPyConnection,
    product: Product,
    project: CompiledProject,
    given: Mapping[str, pa.Table],
    wanted: Collection[str],
) -> None:
    """Build models, all models that they read, and the seeds. Tables that are there are replaced.

    Args:
        connection: of :func:`open_memory`.
        product: whose models they are.
        project: its compiled models.
        given: rows of models that are not built, by name.
        wanted: names of models.
    """
    needed = _needed(project, given, wanted)
    schemas = {model.schema for model in project.models} | {seed.schema for seed in project.seeds}
    for schema in sorted(schemas):
        connection.execute(f"create schema if not exists {quoted(schema)}")
    connection.execute(control_tables())
    connection.execute(control_tables(product.name))
    for seed in project.seeds:
        _load(connection, seed)
    for model in project.models:
        if model.name in given:
            rows = given[model.name]  # noqa: F841 - DuckDB finds it by its name
            connection.execute(f"create or replace table {_relation(model)} as select * from rows")
        elif model.name in needed:
            _build(connection, model)


def _needed(project: CompiledProject, given: Mapping[str, pa.Table], wanted: Collection[str]) -> set[str]:
    """Return the wanted models and those that they read, up to the given ones."""
    needed = set(wanted)
    for model in reversed(project.models):
        if model.name in needed and model.name not in given:
            needed.update(model.reads)
    return needed


def _load(connection: duckdb.DuckDBPyConnection, seed: Seed) -> None:
    columns = ", ".join(f"{literal(name)}: {literal(kind)}" for name, kind in seed.column_types.items())
    connection.execute(
        f"create or replace table {_relation(seed)} as "
        f"select * from read_csv($path, header = true, columns = {{{columns}}})",
        {"path": str(PROJECT_DIR / seed.path)},
    )


def _build(connection: duckdb.DuckDBPyConnection, model: CompiledModel) -> None:
    if model.language == "sql":
        connection.execute(f"create or replace table {_relation(model)} as {model.code}")
        return
    module: dict[str, Any] = {"__name__": model.name}
    exec(model.code, module)  # noqa: S102 - a file of the project, with what dbt adds to it
    dbt = module["dbtObj"](lambda relation: connection.query(f"select * from {relation}"))
    rows = module["model"](dbt, connection)  # noqa: F841 - DuckDB finds it by its name
    connection.execute(f"create or replace table {_relation(model)} as select * from rows")


def _relation(one: CompiledModel | Seed) -> str:
    return f"{quoted(one.schema)}.{quoted(one.name)}"
