"""Write the Glue tables of `stack.yml` from the Parquet files of published lakes: `python infra/glue_tables.py LAKE`.

The lake has both products. Types come from the files, so that Athena's types always match. Processed objects of the
market product are JSON, whose types are stated here: a test reads stored objects with them.
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
LONGEST_LINE = 120  # of yamllint
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


@dataclass(frozen=True)
class Catalog:
    """A database of Athena: the tables of a product.

    `home` is the product's folder in a published lake, `folder` the same as CloudFormation has it, and `clients` the
    values of its clients. Resources are named after `title`.
    """

    title: str
    home: str
    folder: str
    clients: str
    tables: tuple[Table, ...]


@dataclass(frozen=True)
class ProcessedTable:
    """A table of processed objects, each a JSON on one line. Athena's types of what differs between the kinds."""

    kind: str
    values: str
    undefined: str

    @property
    def columns(self) -> dict[str, str]:
        # `ticker` comes from the path.
        return {
            "symbol": "string",
            "computation_type": "string",
            "computation_version": "string",
            "computed_at": "string",
            "session_date": "string",
            "values": self.values,
            "undefined": self.undefined,
            "sources": "array<struct<key:string,version_id:string,sha256:string,sessions:bigint>>",
            "run_id": "string",
            "code": "string",
        }


OIL_TABLES = (
    Table("classified_reports", "gold/*/classified_reports.parquet", "One row per sample, judged"),
    Table("machine_status_current", "gold/*/machine_status_current.parquet", "One row per machine, its status today"),
    Table("stewart_limits", "gold/*/stewart_limits.parquet", "One row per machine, component and essay"),
    Table("component_status", "gold/*/component_status.parquet", "One row per component, its current report"),
    Table("results", "gold/*/results.parquet", "One row per report and essay, what was written and how it is judged"),
    Table("harmonized", "silver/harmonized/*.parquet", "Silver, one row per sample, one column per essay"),
    Table("rejected", "silver/rejected/*.parquet", "Silver, one row per thing that was delivered and is not used"),
)
MARKET_TABLES = (
    Table("indicators", "gold/*/indicators.parquet", "One row per ticker, session and computation version"),
    Table("percentiles", "gold/*/percentiles.parquet", "One row per ticker, session, version and indicator"),
    Table("features", "gold/*/features.parquet", "One row per ticker and session"),
    Table("correlations", "gold/*/correlations.parquet", "One row per pair of declared tickers"),
    Table("bars", "silver/bars/*.parquet", "Silver, one row per ticker and session"),
    Table("rejected_bars", "silver/rejected_bars/*.parquet", "Silver, one row per bar that cannot be used"),
    Table("bar_corrections", "silver/bar_corrections/*.parquet", "Silver, one row per bar that was corrected"),
    Table("missing_sessions", "silver/missing_sessions/*.parquet", "Silver, one row per session without a bar"),
    Table("quality_findings", "silver/quality_findings/*.parquet", "Silver, one row per finding of a quality rule"),
)
CATALOGS = (
    Catalog("", "oil-analysis", "${Prefix}", "!Ref Clients", OIL_TABLES),
    Catalog("Market", "market", "market", "universe", MARKET_TABLES),
)
MOMENTS = ("value", "percentile", "mean", "std", "minimum", "maximum", "frequency_below", "frequency_above")
NUMBERS, REASONS = "map<string,double>", "map<string,string>"
PROCESSED_TABLES = (
    ProcessedTable("indicators", NUMBERS, REASONS),
    ProcessedTable(
        "percentiles",
        f"map<string,struct<{','.join(f'{name}:double' for name in MOMENTS)},sessions:int>>",
        f"map<string,{REASONS}>",
    ),
    ProcessedTable("features", NUMBERS, REASONS),
)


def tables_section(lake: Path) -> str:
    """Write the resources of the template that declare the tables.

    Args:
        lake: a lake in a folder in which both products are published.

    Raises:
        ValueError: a file is missing, the files of two clients differ, or Athena lacks a type.
    """
    resources = [
        "".join(_resource(catalog, table, _schema(lake / catalog.home, table)))
        for catalog in CATALOGS
        for table in catalog.tables
    ]
    return "\n".join([*resources, *map(_processed, PROCESSED_TABLES)])


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


def _head(title: str, name: str, description: str) -> str:
    words = "".join(word.capitalize() for word in name.split("_"))
    return f"""\
  {title}{words}Table:
    Type: AWS::Glue::Table
    Properties:
      CatalogId: !Ref AWS::AccountId
      DatabaseName: !Ref {title}Database
      TableInput:
        Name: {name}
        Description: {description}
        TableType: EXTERNAL_TABLE
"""


def _resource(catalog: Catalog, table: Table, schema: pa.Schema) -> Iterator[str]:
    yield _head(catalog.title, table.name, table.description)
    yield _in_gold(catalog, table) if table.is_gold else _in_silver(catalog, table)
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
        yield _column(name, athena_type(field.type), field.name if name != field.name.lower() else None)


def _column(name: str, kind: str, comment: str | None = None) -> str:
    entry = [f"Name: {name}", f'Type: "{kind}"' if "," in kind else f"Type: {kind}"]
    if comment:
        entry.append(f"Comment: {comment}")
    line = f"            - {{{', '.join(entry)}}}\n"
    if len(line) <= LONGEST_LINE:
        return line
    # A word that is alone on its line may be long.
    return f"            - Name: {name}\n              Type: >-\n                {kind}\n"


def _processed(table: ProcessedTable) -> str:
    """Write a table of processed objects. A query names a ticker and days: folders of others are not listed."""
    columns = "".join(_column(name, kind) for name, kind in table.columns.items())
    return f"""\
{_head("Market", f"processed_{table.kind}", f"Processed {table.kind}, one row per computation of a ticker")}\
        Parameters:
          EXTERNAL: "TRUE"
          classification: json
          projection.enabled: "true"
          projection.ticker.type: injected
          projection.computed_on.type: date
          projection.computed_on.format: yyyy-MM-dd
          projection.computed_on.range: !Sub "${{MarketSince}},NOW"
          storage.location.template: !Sub >-
            s3://${{BucketName}}/${{MarketRoot}}processed/{table.kind}/${{!ticker}}/${{!computed_on}}/
        PartitionKeys:
          - {{Name: ticker, Type: string, Comment: The symbol in its written form}}
          - {{Name: computed_on, Type: date, Comment: The day of the computation (UTC)}}
        StorageDescriptor:
          Location: !Sub "s3://${{BucketName}}/${{MarketRoot}}processed/{table.kind}/"
          InputFormat: org.apache.hadoop.mapred.TextInputFormat
          OutputFormat: org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat
          SerdeInfo:
            SerializationLibrary: org.openx.data.jsonserde.JsonSerDe
            Parameters: {{ignore.malformed.json: "false"}}
          Columns:
{columns}"""


def _in_gold(catalog: Catalog, table: Table) -> str:
    """Write the location of a gold table. A text file per client names the published file."""
    return f"""\
        Parameters:
          EXTERNAL: "TRUE"
          projection.enabled: "true"
          projection.client_folder.type: enum
          projection.client_folder.values: {catalog.clients}
          storage.location.template: !Sub >-
            s3://${{BucketName}}/{catalog.folder}/gold/${{!client_folder}}/athena/{table.name}/
        PartitionKeys:
          - {{Name: client_folder, Type: string, Comment: The client as its folder is called}}
        StorageDescriptor:
          Location: !Sub "s3://${{BucketName}}/{catalog.folder}/gold/"
          InputFormat: org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat
          OutputFormat: org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat
"""


def _in_silver(catalog: Catalog, table: Table) -> str:
    return f"""\
        Parameters: {{EXTERNAL: "TRUE", classification: parquet}}
        StorageDescriptor:
          Location: !Sub "s3://${{BucketName}}/{catalog.folder}/silver/{table.name}/"
          InputFormat: org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat
          OutputFormat: org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat
"""


if __name__ == "__main__":
    section = tables_section(Path(sys.argv[1]))
    TEMPLATE.write_text(with_section(TEMPLATE.read_text(encoding="utf-8"), section), encoding="utf-8")
