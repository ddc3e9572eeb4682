"""Build models of a product in memory, as a first run builds them, from tables that are given."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from tribolake.errors import ConfigurationError
from tribolake.product import Product
from tribolake.run.compiled_models import CompiledModel, CompiledProject, Seed
from tribolake.run.control_tables import control_tables
from tribolake.settings import PROJECT_DIR, Settings
from tribolake.sql import literal, quoted
from tribolake.texts import one_line


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
    """Build models, and all models that they read, and every seed. Tables that are there are replaced.

    Args:
        connection: of :func:`open_memory`.
        product: whose models they are.
        project: its compiled models.
        given: rows of models that are not built, by name.
        wanted: names of models.
    """
    make_schemas(connection, product, project)
    load_seeds(connection, project, given, [seed.name for seed in project.seeds])
    for model in project.models:
        if model.name in given:
            rows = given[model.name]  # noqa: F841 - DuckDB finds it by its name
            connection.execute(f"create or replace table {_relation(model)} as select * from rows")
    build_models(connection, project, given, wanted)


def make_schemas(connection: duckdb.DuckDBPyConnection, product: Product, project: CompiledProject) -> None:
    """Make the schemas of a warehouse and its control tables, without rows."""
    schemas = {model.schema for model in project.models} | {seed.schema for seed in project.seeds}
    for schema in sorted(schemas):
        connection.execute(f"create schema if not exists {quoted(schema)}")
    connection.execute(control_tables())
    connection.execute(control_tables(product.name))


def load_seeds(
    connection: duckdb.DuckDBPyConnection,
    project: CompiledProject,
    given: Collection[str],
    wanted: Collection[str],
    folder: Path | None = None,
) -> None:
    """Load the seeds that models read, up to the given ones. `folder` has the files of another checkout.

    Raises:
        ConfigurationError: a file is missing, or does not have the columns of its seed.
    """
    needed = _needed(project, given, wanted)
    for seed in project.seeds:
        if seed.name in needed:
            _load(connection, seed, folder / Path(seed.path).name if folder else PROJECT_DIR / seed.path)


def build_models(
    connection: duckdb.DuckDBPyConnection, project: CompiledProject, given: Collection[str], wanted: Collection[str]
) -> None:
    """Build models, and those that they read, from the tables of the given ones."""
    needed = _needed(project, given, wanted)
    for model in project.models:
        if model.name in needed and model.name not in given:
            _build(connection, model)


def _needed(project: CompiledProject, given: Collection[str], wanted: Collection[str]) -> set[str]:
    """Return the wanted models, and the models and seeds that they read, up to the given ones."""
    needed = set(wanted)
    for model in reversed(project.models):
        if model.name in needed and model.name not in given:
            needed.update(model.reads)
    return needed


def _load(connection: duckdb.DuckDBPyConnection, seed: Seed, file: Path) -> None:
    # As macros/load_csv_rows.sql: columns are those of the header, and a row may end early.
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            header = next(csv.reader(lines), [])
        if unknown := sorted(set(header) - set(seed.column_types)):
            raise ConfigurationError(f"the seed {file} has a column {unknown[0][:80]!r} that is not in seeds.yml")
        columns = ", ".join(f"{literal(name)}: {literal(seed.column_types[name])}" for name in header)
        connection.execute(
            f"create or replace table {_relation(seed)} as select * from read_csv($path, header = true, delim = ',', "
            f"quote = '\"', escape = '\"', null_padding = true, auto_detect = false, columns = {{{columns}}})",
            {"path": str(file)},
        )
    except (OSError, UnicodeDecodeError, csv.Error, duckdb.Error) as error:
        raise ConfigurationError(f"the seed {file} cannot be read: {one_line(str(error))[:300]}") from error


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
