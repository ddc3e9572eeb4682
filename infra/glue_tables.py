"""Write the Glue tables of `stack.yml` from the Parquet files of a published lake: `python infra/glue_tables.py LAKE`.

Types come from the files, so that Athena's types always match.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

TEMPLATE = Path(__file__).with_name("stack.yml")
BEGIN, END = "  # tables: begin, written by infra/glue_tables.py\n", "# tables: end\n"
# The micro sign and the Greek letter mu, its decomposed form. The degree sign is left out.
ASCII = str.maketrans({"µ": "u", "μ": "u", "°": None})
PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_]*")
SCALARS = {
    pa.string(): "string",
    pa.bool_(): "boolean",
    pa.int8(): "tinyint",
    pa.int16(): "smallint",
    pa.int32(): "int",
    pa.int64(): "bigint",
    pa.float32(): "float",
    pa.float64(): "double",
    pa.date32(): "date",
    pa.binary(): "binary",
}


@dataclass(frozen=True)
class Table:
    """A table of Athena. `pattern` finds its files below the data product's folder in a published lake."""

    name: str
    pattern: str
    description: str

    @property
    def is_gold(self) -> bool:
        return self.pattern.startswith("gold/")


TABLES = (
    Table("classified_reports", "gold/*/classified_reports.parquet", "One row per sample, judged"),
    Table("machine_status_current", "gold/*/machine_status_current.parquet", "One row per machine, its status today"),
    Table("stewart_limits", "gold/*/stewart_limits.parquet", "One row per machine, component and essay"),
    Table("harmonized", "silver/harmonized/*.parquet", "Silver, one row per sample, one column per essay"),
    Table("rejected", "silver/rejected/*.parquet", "Silver, one row per thing that was delivered and is not used"),
)


def tables_section(home: Path) -> str:
    """Write the resources of the template that declare the tables.

    Args:
        home: the data product's folder in a published lake.

    Raises:
        ValueError: a file is missing, the files of two clients differ, or Athena lacks a type.
    """
    return "\n".join("".join(_resource(table, _schema(home, table))) for table in TABLES)


def with_section(template: str, section: str) -> str:
    """Return the template with this section of tables instead of its own."""
    before, rest = template.split(BEGIN)
    _, after = rest.split(END)
    return before + BEGIN + section + END + after


def column_name(published: str) -> str:
    """Return the name in Athena: small letters, digits and underscores. `Índice PQ` becomes `indice_pq`."""
    decomposed = unicodedata.normalize("NFKD", published.translate(ASCII))
    plain = "".join(character for character in decomposed if not unicodedata.combining(character))
    name = re.sub(r"[^a-z0-9_]+", "_", plain.lower()).strip("_")
    if not PLAIN_NAME.fullmatch(name):
        raise ValueError(f"column {published!r} has no name in Athena: give it a name with letters")
    return name


def athena_type(arrow: pa.DataType) -> str:
    """Return Athena's type for values of an Arrow type.

    Raises:
        ValueError: Athena has no such type.
    """
    if isinstance(arrow, pa.BaseExtensionType):  # JSON
        arrow = arrow.storage_type
    found = SCALARS.get(arrow)
    if pa.types.is_timestamp(arrow):
        found = "timestamp"
    elif pa.types.is_decimal(arrow):
        found = f"decimal({arrow.precision},{arrow.scale})"
    elif pa.types.is_map(arrow):
        found = f"map<{athena_type(arrow.key_type)},{athena_type(arrow.item_type)}>"
    elif pa.types.is_list(arrow):
        found = f"array<{athena_type(arrow.value_type)}>"
    elif pa.types.is_struct(arrow):
        found = f"struct<{','.join(f'{column_name(field.name)}:{athena_type(field.type)}' for field in arrow)}>"
    if found is None:
        raise ValueError(f"Athena has no type for {arrow}")
    return found


def _schema(home: Path, table: Table) -> pa.Schema:
    schemas = [pq.read_schema(path) for path in sorted(home.glob(table.pattern))]
    if not schemas:
        raise ValueError(f"{home} has no {table.pattern}: publish a lake first, for instance with `tribolake demo`")
    if any(schema != schemas[0] for schema in schemas):
        raise ValueError(f"{table.pattern}: the files of two clients differ")
    return schemas[0]


def _resource(table: Table, schema: pa.Schema) -> Iterator[str]:
    title = "".join(word.capitalize() for word in table.name.split("_"))
    yield f"""\
  {title}Table:
    Type: AWS::Glue::Table
    Properties:
      CatalogId: !Ref AWS::AccountId
      DatabaseName: !Ref Database
      TableInput:
        Name: {table.name}
        Description: {table.description}
        TableType: EXTERNAL_TABLE
"""
    yield _in_gold(table) if table.is_gold else _in_silver(table)
    yield """\
          SerdeInfo:
            SerializationLibrary: org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe
            Parameters: {parquet.column.index.access: "true"}
          Columns:
"""
    names = [column_name(field.name) for field in schema]
    doubled = {name for name in names if names.count(name) > 1}
    if doubled:
        raise ValueError(f"{table.name}: several columns would be named {sorted(doubled)}")
    for name, field in zip(names, schema, strict=True):
        kind = athena_type(field.type)
        entry = [f"Name: {name}", f'Type: "{kind}"' if "," in kind else f"Type: {kind}"]
        if name != field.name.lower():
            entry.append(f"Comment: {field.name}")
        yield f"            - {{{', '.join(entry)}}}\n"


def _in_gold(table: Table) -> str:
    """Write the location of a gold table. A text file per client names the published file."""
    return f"""\
        Parameters:
          EXTERNAL: "TRUE"
          projection.enabled: "true"
          projection.client_folder.type: enum
          projection.client_folder.values: !Ref Clients
          storage.location.template: !Sub >-
            s3://${{BucketName}}/${{Prefix}}/gold/${{!client_folder}}/athena/{table.name}/
        PartitionKeys:
          - {{Name: client_folder, Type: string, Comment: The client as its folder is called}}
        StorageDescriptor:
          Location: !Sub "s3://${{BucketName}}/${{Prefix}}/gold/"
          InputFormat: org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat
          OutputFormat: org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat
"""


def _in_silver(table: Table) -> str:
    return f"""\
        Parameters: {{EXTERNAL: "TRUE", classification: parquet}}
        StorageDescriptor:
          Location: !Sub "s3://${{BucketName}}/${{Prefix}}/silver/{table.name}/"
          InputFormat: org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat
          OutputFormat: org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat
"""


if __name__ == "__main__":
    section = tables_section(Path(sys.argv[1]) / "oil-analysis")
    TEMPLATE.write_text(with_section(TEMPLATE.read_text(encoding="utf-8"), section), encoding="utf-8")
