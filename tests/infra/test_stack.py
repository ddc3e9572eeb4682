"""The template: rules as in the lake, tables as published, and minimal permissions."""

from __future__ import annotations

import ast
import itertools
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import arrival_events
import glue_tables
import pyarrow as pa
import pytest
import yaml
from handler import Starter

from tribolake.lake.bronze import CLIENT_NAME, NOT_YET_A_FILE
from tribolake.lake.bucket_rules import Owner, lifecycle_rules, policy_statements, stated_rules
from tribolake.oil.product import OIL
from tribolake.oil.synth import write_sample_lake
from tribolake.run.pipeline import run
from tribolake.settings import PROJECT_DIR, load_settings

OWNER = Owner("oil", "oil-analysis", "logs/changes.jsonl")
INFRA = PROJECT_DIR / "infra"
TEMPLATE = INFRA / "stack.yml"
LAMBDA = sorted((INFRA / "lambda").glob("*.py"))


class Template(yaml.SafeLoader):
    """Reads the short forms of CloudFormation's functions as `{name: argument}`."""

    def function(self, tag: str, node: yaml.Node) -> dict[str, Any]:
        if isinstance(node, yaml.ScalarNode):
            return {tag: self.construct_scalar(node)}
        return {tag: self.construct_sequence(node, deep=True)}


Template.add_multi_constructor("!", Template.function)


def resolved(value: Any, defaults: dict[str, str]) -> Any:
    """Fill in the parameters of a part of the template, and the ARNs of the bucket."""
    match value:
        case {"Ref": str(name)}:
            return defaults.get(name, name)
        case {"Sub": str(text)}:
            known = {**defaults, "Lake.Arn": f"arn:aws:s3:::{defaults['BucketName']}", "AWS::Partition": "aws"}
            return re.sub(r"\$\{([^!}]+)\}", lambda found: known.get(found[1], found[0]), text).replace("${!", "${")
        case {"GetAtt": "Lake.Arn"}:
            return f"arn:aws:s3:::{defaults['BucketName']}"
        case dict():
            return {name: resolved(part, defaults) for name, part in value.items()}
        case list():
            return [resolved(part, defaults) for part in value]
    return value


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return yaml.load(TEMPLATE.read_text(encoding="utf-8"), Template)  # noqa: S506 - a SafeLoader


@pytest.fixture(scope="module")
def resources(template: dict[str, Any]) -> dict[str, Any]:
    defaults = {name: str(given["Default"]) for name, given in template["Parameters"].items() if "Default" in given}
    return resolved(template["Resources"], defaults)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, parsed_project: None) -> Path:
    """The data product's folder in a published lake."""
    settings = load_settings(lake=tmp_path_factory.mktemp("published"))
    write_sample_lake(settings.lake, finning_units=2, als_units=6, months=9)
    run(OIL, settings)
    return settings.lake / settings.prefix


def allowed(resources: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the statements that allow something, with the name of the role or policy."""
    for name, resource in resources.items():
        properties = resource["Properties"]
        documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
        if resource["Type"] == "AWS::IAM::Policy":
            documents.append(properties["PolicyDocument"])
        for document in documents:
            for statement in document["Statement"]:
                if statement["Effect"] == "Allow":
                    yield name, statement


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


# Rules of the lake


def test_template_has_lifecycle_rules_of_the_lake(resources):
    def as_cloudformation(rule: dict[str, Any]) -> dict[str, Any]:
        stated = {
            "Id": rule["ID"],
            "Status": rule["Status"],
            "Prefix": rule["Filter"]["Prefix"],
            **{
                name: rule[name]
                for name in ("NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload")
                if name in rule
            },
            **rule.get("Expiration", {}),
        }
        for name, days in (("Transitions", "Days"), ("NoncurrentVersionTransitions", "NoncurrentDays")):
            if name in rule:
                stated[name] = [
                    {"StorageClass": one["StorageClass"], "TransitionInDays": one[days]} for one in rule[name]
                ]
        return stated

    stated = resources["Lake"]["Properties"]["LifecycleConfiguration"]["Rules"]
    assert stated == [as_cloudformation(rule) for rule in lifecycle_rules(OWNER)]


def test_lifecycle_rules_keep_the_agreed_times():
    rules = {rule["ID"].removeprefix("tribolake-oil-"): rule for rule in lifecycle_rules(OWNER)}
    moves = {
        name: [(move["Days"], move["StorageClass"]) for move in rule.get("Transitions", [])]
        for name, rule in rules.items()
    }
    assert moves["bronze"] == [(365, "GLACIER")]
    assert moves["silver"] == [(365, "GLACIER")]
    assert moves["processed"] == [(90, "GLACIER"), (365, "DEEP_ARCHIVE")]
    assert moves["archive"] == [(0, "DEEP_ARCHIVE")]
    assert rules["gold"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
    forgets = [name for name, rule in rules.items() if "Days" in rule.get("Expiration", {})]
    assert forgets == []
    assert "NoncurrentVersionExpiration" not in rules["bronze"]
    assert rules["recommendations"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}


def test_template_has_policy_of_the_lake(resources):
    for bucket, policy in (("mining-data-mesh", "LakePolicy"), ("mining-data-mesh-locks", "LocksPolicy")):
        stated = resolved(
            resources[policy]["Properties"]["PolicyDocument"]["Statement"], {"BucketName": "mining-data-mesh"}
        )
        (expected,) = policy_statements(bucket, OWNER)
        if policy == "LakePolicy":
            assert stated == [expected]
        else:
            assert stated[0]["Condition"] == expected["Condition"]


def test_reader_roles_read_the_folders_of_the_lakes_rules(resources):
    stated = stated_rules()
    for reader, folders in stated["folders"].items():
        role = f"{reader}Role"
        statements = {
            statement["Sid"]: statement
            for policy in resources[role]["Properties"]["Policies"]
            for statement in policy["PolicyDocument"]["Statement"]
        }
        assert statements["Reads"]["Resource"] == [f"arn:aws:s3:::mining-data-mesh/{folder}" for folder in folders]
        assert statements["Lists"]["Condition"]["StringLike"]["s3:prefix"] == folders
        allowed_actions = [a for s in statements.values() if s["Effect"] == "Allow" for a in as_list(s["Action"])]
        assert all(action.startswith(("s3:Get", "s3:List")) for action in allowed_actions)
        if role == "FusionRole":
            private = [f"arn:aws:s3:::mining-data-mesh/{folder}" for folder in stated["private"]]
            assert statements["StaysOut"]["Resource"] == private
            assert statements["ListsNoPrivate"]["Condition"]["StringLike"]["s3:prefix"] == stated["private"]


# Permissions


def test_roles_have_no_wildcard_action_or_resource(resources):
    found = list(allowed(resources))
    assert len(found) > 10
    for name, statement in found:
        assert not any("*" in action for action in as_list(statement["Action"])), name
        if as_list(statement["Resource"]) == ["*"]:
            assert statement["Condition"] == {"ArnEquals": {"ecs:cluster": {"GetAtt": "Cluster.Arn"}}}, name


def test_task_role_writes_only_its_product_and_the_logs(resources):
    """It deletes nothing in bronze."""
    statements = {s["Sid"]: s for _, s in allowed({"TaskRole": resources["TaskRole"]})}
    lake = "arn:aws:s3:::mining-data-mesh"
    assert statements["ReadAndWrite"]["Resource"] == [f"{lake}/oil-analysis/*", f"{lake}/logs/*"]
    # What is removed stays as an old version until the lifecycle forgets it.
    assert not [sid for sid, one in statements.items() if "s3:DeleteObjectVersion" in as_list(one["Action"])]
    assert statements["List"]["Action"] == "s3:ListBucket"
    assert "s3:GetObjectVersion" in statements["ReadAndWrite"]["Action"]
    denied = [
        statement
        for policy in resources["TaskRole"]["Properties"]["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Deny"
    ]
    assert [(s["Resource"], s["Action"]) for s in denied] == [
        (f"{lake}/oil-analysis/bronze/*", ["s3:DeleteObject", "s3:DeleteObjectVersion"])
    ]


def test_buckets_are_private_and_encrypted(resources):
    """Only the lake has versions."""
    for name in ("Lake", "Locks"):
        bucket = resources[name]["Properties"]
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert resources["Lake"]["Properties"]["VersioningConfiguration"] == {"Status": "Enabled"}
    assert resources["Lake"]["DeletionPolicy"] == "Retain"
    assert "VersioningConfiguration" not in resources["Locks"]["Properties"]


def test_policy_for_eventbridge_has_no_condition(resources):
    """EventBridge supports none for topics, so failures of tasks would not be sent."""
    statements = resources["AlarmsPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    (of_events,) = [one for one in statements if one["Principal"] == {"Service": "events.amazonaws.com"}]
    assert "Condition" not in of_events


# The function


def test_function_environment_has_every_variable_it_reads(resources, monkeypatch):
    class Asked(dict[str, str]):
        def __missing__(self, name: str) -> str:
            self[name] = "x"
            return "x"

    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    asked = Asked()
    Starter.from_environment(asked)
    assert set(asked) == set(resources["StartTask"]["Properties"]["Environment"]["Variables"])


def test_queue_hides_messages_for_six_function_timeouts(resources):
    assert resources["Queue"]["Properties"]["VisibilityTimeout"] >= 6 * resources["StartTask"]["Properties"]["Timeout"]


def test_function_imports_only_standard_library_and_boto3():
    known = sys.stdlib_module_names | {"boto3", "botocore"} | {path.stem for path in LAMBDA}
    for path in LAMBDA:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names.append(node.module or "")
            assert {name.split(".")[0] for name in names} <= known, path


def test_function_has_the_name_rules_of_the_lake():
    assert arrival_events.CLIENT_NAME.pattern == CLIENT_NAME.pattern.strip("^$")
    assert arrival_events.NOT_YET_A_FILE == NOT_YET_A_FILE


# The task


def test_container_environment_gives_settings_of_the_stack(resources, monkeypatch):
    (container,) = resources["TaskDefinition"]["Properties"]["ContainerDefinitions"]
    given = {pair["Name"]: pair["Value"] for pair in container["Environment"]}
    stand_ins = {"Queue": "https://sqs/queue", "Completion": "arn:aws:sns:topic", "AWS::Region": "sa-east-1"}
    for name, value in given.items():
        monkeypatch.setenv(name, stand_ins.get(value, value))
    settings = load_settings()
    assert settings.storage_mode == "s3"
    assert (settings.s3.bucket, settings.prefix, settings.s3.region) == (
        "mining-data-mesh",
        "oil-analysis",
        "sa-east-1",
    )
    assert (settings.watch.queue, settings.s3.topic) == ("https://sqs/queue", "arn:aws:sns:topic")


# The tables


@pytest.mark.slow
def test_tables_have_the_columns_of_a_published_lake(home):
    text = TEMPLATE.read_text(encoding="utf-8")
    section = text.split(glue_tables.BEGIN)[1].split(glue_tables.END)[0]
    assert section == glue_tables.tables_section(home), "run `python infra/glue_tables.py LAKE` on a published lake"


def test_gold_tables_are_read_through_the_published_links(resources):
    tables = {
        name: one["Properties"]["TableInput"] for name, one in resources.items() if one["Type"] == "AWS::Glue::Table"
    }
    assert {table["Name"] for table in tables.values()} == {table.name for table in glue_tables.TABLES}
    reports = tables["ClassifiedReportsTable"]
    assert reports["Parameters"]["storage.location.template"] == (
        "s3://mining-data-mesh/oil-analysis/gold/${client_folder}/athena/classified_reports/"
    )
    assert reports["Parameters"]["projection.client_folder.values"] == "cda,emin"
    for table in tables.values():
        names = [column["Name"] for column in table["StorageDescriptor"]["Columns"]]
        assert len(set(names)) == len(names)
        assert not set(names) & {key["Name"] for key in table.get("PartitionKeys", [])}
        # Athena allows no other characters in names.
        assert all(re.fullmatch("[a-z_][a-z0-9_]*", name) for name in names)
        assert table["StorageDescriptor"]["SerdeInfo"]["Parameters"] == {"parquet.column.index.access": "true"}


@pytest.mark.parametrize(
    ("published", "name"),
    [
        ("sampleNumber", "samplenumber"),
        ("Índice PQ", "indice_pq"),
        ("Viscosidad 100°C", "viscosidad_100c"),
        ("ISO 4µ", "iso_4u"),
        ("Estaño", "estano"),
    ],
)
def test_published_name_has_a_plain_name_in_athena(published, name):
    assert glue_tables.column_name(published) == name


def test_name_without_letters_is_refused():
    with pytest.raises(ValueError, match="no name in Athena"):
        glue_tables.column_name("°²")


@pytest.mark.parametrize(
    ("arrow", "athena"),
    [
        (pa.timestamp("us"), "timestamp"),
        (pa.timestamp("us", tz="UTC"), "timestamp"),
        (pa.date32(), "date"),
        (pa.decimal128(18, 3), "decimal(18,3)"),
        (pa.list_(pa.string()), "array<string>"),
        (pa.map_(pa.string(), pa.int32()), "map<string,int>"),
        (
            pa.struct([("Aluminio", pa.float64()), ("n", pa.list_(pa.bool_()))]),
            "struct<aluminio:double,n:array<boolean>>",
        ),
        (pa.json_(), "string"),
    ],
)
def test_arrow_type_has_a_type_in_athena(arrow, athena):
    assert glue_tables.athena_type(arrow) == athena


def test_type_that_athena_lacks_is_refused():
    with pytest.raises(ValueError, match="time64"):
        glue_tables.athena_type(pa.time64("us"))


# The image


def test_image_names_no_registry_and_is_not_root():
    lines = [line.strip() for line in (INFRA / "Dockerfile").read_text(encoding="utf-8").splitlines() if line.strip()]
    instructions = [line for line in lines if not line.startswith("#")]
    assert not [line for line in instructions if re.search(r"https?://|index-url|--trusted-host", line)]
    bases = [line.split()[1] for line in instructions if line.startswith("FROM")]
    assert bases == ["python:3.11-slim"] * len(bases)
    users = [line.split()[1] for line in instructions if line.startswith("USER")]
    assert users
    assert users[-1] not in ("root", "0")
    installs = itertools.chain(line for line in instructions if "pip install" in line)
    assert all("--require-hashes" in line or "--no-deps" in line for line in installs)
