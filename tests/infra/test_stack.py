"""The template: rules as in the lake, tables as published, and minimal permissions."""

from __future__ import annotations

import ast
import itertools
import json
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import arrival_events
import duckdb
import glue_tables
import pyarrow as pa
import pytest
from handler import Starter
from tests.support.stack_template import INFRA, TEMPLATE, read_template, resources_of

from tribolake.cli.serve import PORT
from tribolake.lake.bronze import CLIENT_NAME
from tribolake.lake.bucket_rules import Owner, lifecycle_rules, policy_statements, stated_rules
from tribolake.lake.ignored import kind_of_ignored
from tribolake.market.keys import place
from tribolake.market.processed import ProcessedKey
from tribolake.market.product import MARKET
from tribolake.market.sample import write_sample
from tribolake.oil.product import OIL
from tribolake.oil.synth import write_sample_lake
from tribolake.run.pipeline import run
from tribolake.settings import PROJECT_DIR, load_settings

OWNER = Owner("oil", "oil-analysis", "logs/changes.jsonl")
MARKET_OWNER = Owner("market", "market", MARKET.contract.change_log, permanent=("raw", "processed"))
LAMBDA = sorted((INFRA / "lambda").glob("*.py"))


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return read_template()


@pytest.fixture(scope="module")
def resources(template: dict[str, Any]) -> dict[str, Any]:
    return resources_of(template)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory, parsed_project: None) -> Path:
    """A lake in which both products are published."""
    settings = load_settings(lake=tmp_path_factory.mktemp("published"))
    write_sample_lake(settings.lake, finning_units=2, als_units=6, months=9)
    run(OIL, settings)
    market = MARKET.of(settings)
    write_sample(market)
    run(MARKET, market)
    return settings.lake


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
    rules = [*lifecycle_rules(OWNER), *lifecycle_rules(MARKET_OWNER)]
    assert stated == [as_cloudformation(rule) for rule in rules]


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
        assert resources[policy]["Properties"]["PolicyDocument"]["Statement"] == policy_statements(bucket, OWNER)


def test_rules_of_both_buckets_carry_the_product_name(resources):
    own = [name.format(product="oil", Product="Oil") for name in stated_rules()["own"]]
    markets = stated_rules()["own"][0].format(product="market")
    for bucket, pattern in (("Lake", f"{own[0]}|{markets}"), ("Locks", own[0])):
        rules = resources[bucket]["Properties"]["LifecycleConfiguration"]["Rules"]
        assert [rule["Id"] for rule in rules if not re.fullmatch(pattern, rule["Id"])] == []


def test_reader_roles_have_statements_of_the_lakes_policy(resources):
    """Roles allow no write, so they need not deny any. The dashboard's folder has no private folders in it."""
    needed = {"Fusion": ["Reads", "Lists", "StaysOut", "ListsNoPrivate"], "Dashboard": ["Reads", "Lists"]}
    for reader in stated_rules()["folders"]:
        of_bucket = policy_statements("mining-data-mesh", OWNER, {reader: ["a-role"]}, require_tls=False)
        by_sid = {one["Sid"].removeprefix(f"TribolakeOil{reader}1"): one for one in of_bucket}
        (policy,) = resources[f"{reader}Role"]["Properties"]["Policies"]
        stated = {one["Sid"]: one for one in policy["PolicyDocument"]["Statement"]}
        assert list(stated) == needed[reader]
        for sid, one in stated.items():
            as_lists = {part: as_list(one[part]) for part in ("Action", "Resource")}
            of_lake = {part: value for part, value in by_sid[sid].items() if part != "Principal"}
            assert one | as_lists == of_lake | {"Sid": sid}
            if one["Effect"] == "Allow":
                assert all(action.startswith(("s3:Get", "s3:List")) for action in as_list(one["Action"]))


# Permissions


def test_roles_have_no_wildcard_action_or_resource(resources):
    found = list(allowed(resources))
    assert len(found) > 10
    for name, statement in found:
        assert not any("*" in action for action in as_list(statement["Action"])), name
        if as_list(statement["Resource"]) == ["*"]:
            assert statement["Condition"] == {"ArnEquals": {"ecs:cluster": {"GetAtt": "Cluster.Arn"}}}, name


def test_task_role_writes_only_its_product_and_the_logs(resources):
    """It writes and deletes nothing in bronze."""
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
        (
            f"{lake}/oil-analysis/bronze/*",
            ["s3:PutObject", "s3:PutObjectTagging", "s3:DeleteObject", "s3:DeleteObjectVersion"],
        )
    ]


def test_pages_write_feedback_and_nothing_else(resources):
    statements = {s["Sid"]: s for _, s in allowed({"PagesRole": resources["PagesRole"]})}
    lake = "arn:aws:s3:::mining-data-mesh"
    reading = ("s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:ListBucketVersions")
    writing = {sid: one for sid, one in statements.items() if set(as_list(one["Action"])) - set(reading)}
    assert {sid: (one["Action"], one["Resource"]) for sid, one in writing.items()} == {
        "GiveFeedback": ("s3:PutObject", f"{lake}/oil-analysis/feedback/*")
    }
    assert not [one for one in as_list(statements["Read"]["Resource"]) if "_state" in one or one.endswith("mesh/*")]


def test_pages_are_reached_from_their_load_balancer_alone(template):
    (ingress,) = template["Resources"]["PagesSecurityGroup"]["Properties"]["SecurityGroupIngress"]
    assert (ingress["FromPort"], ingress["ToPort"]) == (PORT, PORT)
    assert ingress["SourceSecurityGroupId"] == {"Ref": "PagesProxySecurityGroupId"}
    (container,) = template["Resources"]["PagesTaskDefinition"]["Properties"]["ContainerDefinitions"]
    assert container["PortMappings"] == [{"ContainerPort": PORT}]
    assert "--access /tmp/access.toml" in container["Command"][0]


def test_secret_of_the_issuer_is_for_the_pages_alone(template):
    """The pages get it as a variable, by its ARN. Neither the other task nor the role of the pages can read it."""
    secret = {"Ref": "PagesOidcSecretArn"}
    resources = template["Resources"]
    (container,) = resources["PagesTaskDefinition"]["Properties"]["ContainerDefinitions"]
    condition, named, otherwise = container["Secrets"][1]["If"]
    assert (condition, otherwise) == ("PagesHaveAnIssuer", {"Ref": "AWS::NoValue"})
    assert named == {"Name": "TRIBOLAKE_OIDC_SECRET", "ValueFrom": secret}
    holders = [(name, one["Action"]) for name, one in allowed(resources) if secret in as_list(one["Resource"])]
    assert holders == [("SecretOfThePages", "secretsmanager:GetSecretValue")]
    policy = resources["SecretOfThePages"]
    assert (policy["Condition"], policy["Properties"]["Roles"]) == ("PagesHaveAnIssuer", [{"Ref": "ExecutionRole"}])
    assert "PagesOidcSecretArn" not in json.dumps(resources["TaskDefinition"])
    pattern = template["Parameters"]["PagesOidcSecretArn"]["AllowedPattern"]
    assert [bool(re.fullmatch(pattern, arn)) for arn in ("", "arn:aws:x:y", "arn:aws:*", "s3cret")] == [1, 1, 0, 0]


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


def statements_about(resources: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Return the statements of the policies of a queue or a topic."""
    policies = [one["Properties"] for one in resources.values() if one["Type"].endswith(("QueuePolicy", "TopicPolicy"))]
    about = [one for one in policies if name in (one.get("Queues") or one["Topics"])]
    return [statement for one in about for statement in one["PolicyDocument"]["Statement"]]


@pytest.mark.parametrize("name", ["Queue", "DeadLetters", "Completion", "Alarms"])
def test_queues_and_topics_refuse_requests_without_tls(resources, name):
    (denied,) = [one for one in statements_about(resources, name) if one["Effect"] == "Deny"]
    assert denied["Principal"] == "*"
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    is_queue = resources[name]["Type"] == "AWS::SQS::Queue"
    assert denied["Resource"] == ({"GetAtt": f"{name}.Arn"} if is_queue else name)
    assert denied["Action"] == ("sqs:*" if is_queue else "sns:Publish")


def test_queue_takes_events_of_the_accounts_lake_only(resources):
    (sends,) = [one for one in statements_about(resources, "Queue") if one["Effect"] == "Allow"]
    assert sends["Principal"] == {"Service": "s3.amazonaws.com"}
    assert sends["Condition"] == {
        "ArnEquals": {"aws:SourceArn": "arn:aws:s3:::mining-data-mesh"},
        "StringEquals": {"aws:SourceAccount": "AWS::AccountId"},
    }


def test_services_take_roles_for_this_account_only(resources):
    trusted = {
        name: statement
        for name, one in resources.items()
        if one["Type"] == "AWS::IAM::Role"
        for statement in one["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        if "Service" in statement["Principal"]
    }
    assert set(trusted) == {
        "TaskRole", "MarketRole", "MarketFetchRole", "PagesRole", "ExecutionRole", "StartTaskRole", "RescanRole",
        "MarketScheduleRole",
    }  # fmt: skip
    for name, statement in trusted.items():
        assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": "AWS::AccountId"}
        if name != "StartTaskRole":  # Lambda does not promise to name the function
            assert "${AWS::AccountId}" in statement["Condition"]["ArnLike"]["aws:SourceArn"]


def test_queues_have_keys_of_sqs_and_topics_the_customers(resources):
    """S3 sends no event to a queue with another key, and no alarm reaches a topic with the key aws/sns."""
    for name in ("Queue", "DeadLetters"):
        assert resources[name]["Properties"]["SqsManagedSseEnabled"] is True
        assert "KmsMasterKeyId" not in resources[name]["Properties"]
    for name in ("Completion", "Alarms"):
        assert resources[name]["Properties"]["KmsMasterKeyId"] == {"GetAtt": "TopicsKey.Arn"}
    key = resources["TopicsKey"]["Properties"]
    assert key["EnableKeyRotation"] is True
    by_service = {one["Principal"].get("Service"): one for one in key["KeyPolicy"]["Statement"]}
    assert set(by_service) == {None, "cloudwatch.amazonaws.com", "events.amazonaws.com"}
    alarms = by_service["cloudwatch.amazonaws.com"]["Condition"]
    assert alarms["StringEquals"] == {"aws:SourceAccount": "AWS::AccountId"}
    assert alarms["ArnLike"]["aws:SourceArn"].endswith("${AWS::AccountId}:alarm:*")
    # EventBridge names no source in such a request.
    (topic,) = by_service["events.amazonaws.com"]["Condition"]["StringLike"].values()
    assert topic.endswith("${AWS::AccountId}:${AWS::StackName}-Alarms-*")
    of_task = {one["Sid"]: one for name, one in allowed(resources) if name == "TaskRole"}
    assert of_task["EncryptAnnouncements"]["Resource"] == {"GetAtt": "TopicsKey.Arn"}


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
    ignored = ["~$T-09.xlsx", ".T-09.xlsx", "T-09.tmp", "T-09.xlsx.part", "T-09.partial", "T-09.xlsx.crdownload"]
    assert all(arrival_events.NOT_YET_A_FILE.search(name) and kind_of_ignored([name]) for name in ignored)


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


def test_market_container_has_the_folder_and_the_secret_of_market_data(template, monkeypatch):
    """Its folder is the one of the role and of the tables. The other tasks have no way into the database."""
    resources = resources_of(template, MarketRoot="data-lake/")
    (container,) = resources["MarketTaskDefinition"]["Properties"]["ContainerDefinitions"]
    for pair in container["Environment"]:
        monkeypatch.setenv(pair["Name"], pair["Value"])
    settings = MARKET.of(load_settings())
    assert [place(settings, name) for name in ("raw", "processed")] == ["data-lake/raw", "data-lake/processed"]
    (_, secret, _) = container["Secrets"][0]["If"]
    assert secret == {"Name": "TRIBOLAKE_AURORA_URL", "ValueFrom": ""}
    assert "AURORA" not in json.dumps([resources[name] for name in ("TaskDefinition", "PagesTaskDefinition")])


def test_market_data_are_fetched_if_schedule_and_symbols_are_given(template):
    """All that fetches has this condition: without one of both parameters the stack has none of it."""
    found = template["Resources"]
    conditional = {name for name, one in found.items() if one.get("Condition") == "FetchesMarketData"}
    assert conditional == {
        "MarketFetch", "MarketFetchRole", "MarketFetchSecurityGroup", "MarketFetchTaskDefinition",
        "MarketRunAfterFetch", "MarketScheduleRole",
    }  # fmt: skip
    given = {"MarketSchedule": "cron(30 22 ? * MON-FRI *)", "MarketSymbolsKey": "market/symbols.txt"}
    assert template["Conditions"]["FetchesMarketData"] == {
        "And": [{"Not": [{"Equals": [{"Ref": name}, ""]}]} for name in given]
    }
    for name, value in given.items():
        form = re.compile(template["Parameters"][name]["AllowedPattern"])
        assert template["Parameters"][name]["Default"] == "" and form.fullmatch("") and form.fullmatch(value)
        assert not form.fullmatch("*") and not form.fullmatch("/etc/passwd")


def test_market_run_follows_a_fetch_on_schedule(template):
    at, key = "cron(30 22 ? * MON-FRI *)", "market/symbols.txt"
    resources = resources_of(template, MarketSchedule=at, MarketSymbolsKey=key)
    (container,) = resources["MarketFetchTaskDefinition"]["Properties"]["ContainerDefinitions"]
    assert container["Command"] == ["market", "fetch", "--file", f"s3://mining-data-mesh/{key}", "--json"]
    fetch, after = (resources[name]["Properties"] for name in ("MarketFetch", "MarketRunAfterFetch"))
    assert fetch["ScheduleExpression"] == at
    detail = after["EventPattern"]["detail"]
    assert (detail["taskDefinitionArn"], detail["lastStatus"]) == (["MarketFetchTaskDefinition"], ["STOPPED"])
    started = [rule["Targets"][0]["EcsParameters"]["TaskDefinitionArn"] for rule in (fetch, after)]
    assert started == ["MarketFetchTaskDefinition", "MarketTaskDefinition"]
    (run, _) = resources["MarketScheduleRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    assert run["Resource"] == started and "TaskDefinition" not in run["Resource"]


@pytest.mark.parametrize(
    "task_name", ["TaskDefinition", "MarketTaskDefinition", "MarketFetchTaskDefinition", "PagesTaskDefinition"]
)
def test_container_writes_only_into_its_volumes(resources, task_name):
    task = resources[task_name]["Properties"]
    (container,) = task["ContainerDefinitions"]
    assert container["ReadonlyRootFilesystem"] is True
    assert container["User"] == "10001"
    assert container["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}
    mounted = {mount["SourceVolume"]: mount["ContainerPath"] for mount in container["MountPoints"]}
    assert set(mounted) == {volume["Name"] for volume in task["Volumes"]}
    image = (INFRA / "Dockerfile").read_text(encoding="utf-8")
    (declared,) = re.findall(r"^VOLUME (.*)$", image, re.MULTILINE)
    assert set(mounted.values()) == set(json.loads(declared))
    for name in ("TRIBOLAKE_CACHE_DIR", "TRIBOLAKE_STATE_DIR"):
        assert re.findall(rf"{name}=(\S+)", image)[-1] in mounted.values()


# The tables


@pytest.mark.slow
def test_tables_have_the_columns_of_a_published_lake(published):
    text = TEMPLATE.read_text(encoding="utf-8")
    section = text.split(glue_tables.BEGIN)[1].split(glue_tables.END)[0]
    expected = glue_tables.tables_section(published)
    assert section == expected, "run `python infra/glue_tables.py LAKE` on a lake in which both products are published"


@pytest.mark.slow
@pytest.mark.parametrize("table", glue_tables.PROCESSED_TABLES, ids=lambda table: table.kind)
def test_processed_tables_have_the_fields_of_stored_objects(published, table):
    """The types are those of the stored bodies: DuckDB reads them strictly, and all that is written comes back."""
    stored = sorted(published.glob(f"processed/{table.kind}/*/*/*.json"))
    assert stored
    assert {str(path.relative_to(published)).count("/") for path in stored} == {4}
    for path in stored:
        (line,) = path.read_text(encoding="utf-8").splitlines()
        assert set(json.loads(line)) == {*table.columns, "ticker"}
        kinds = {name: duckdb_type(kind) for name, kind in table.columns.items()}
        columns = ", ".join(f"'{name}': '{kind}'" for name, kind in kinds.items())
        options = f"columns = {{{columns}}}, format = 'newline_delimited'"
        query = f"select to_json(body) from read_json('{path}', {options}) as body"
        (found,) = duckdb.sql(query).fetchone() or ("{}",)
        assert json.loads(found) == {name: json.loads(line)[name] for name in table.columns}


def duckdb_type(athena: str) -> str:
    """Return DuckDB's name of a type of Athena."""
    inner = athena[athena.find("<") + 1 : -1]
    if athena.startswith("array<"):
        return f"{duckdb_type(inner)}[]"
    if athena.startswith("map<"):
        key, _, value = inner.partition(",")
        return f"map({key}, {duckdb_type(value)})"
    if athena.startswith("struct<"):
        return f"struct({', '.join(field.replace(':', ' ') for field in inner.split(','))})"
    return athena


def test_processed_tables_are_projected_by_ticker_and_day(resources):
    table = resources["MarketProcessedIndicatorsTable"]["Properties"]["TableInput"]
    key = str(ProcessedKey("indicators", "_5EGSPC", datetime(2025, 1, 15, 12, tzinfo=UTC)))
    place = table["Parameters"]["storage.location.template"]
    found = place.replace("${ticker}", "_5EGSPC").replace("${computed_on}", "2025-01-15")
    assert found == f"s3://mining-data-mesh/{key.rpartition('/')[0]}/"
    projected = {name: value for name, value in table["Parameters"].items() if name.startswith("projection.")}
    assert projected == {
        "projection.enabled": "true",
        "projection.ticker.type": "injected",
        "projection.computed_on.type": "date",
        "projection.computed_on.format": "yyyy-MM-dd",
        "projection.computed_on.range": "2025-01-01,NOW",
    }
    assert [one["Name"] for one in table["PartitionKeys"]] == ["ticker", "computed_on"]


def test_gold_tables_are_read_through_the_published_links(resources):
    tables = {
        name: one["Properties"]["TableInput"] for name, one in resources.items() if one["Type"] == "AWS::Glue::Table"
    }
    stated = [table.name for catalog in glue_tables.CATALOGS for table in catalog.tables]
    stated += [f"processed_{table.kind}" for table in glue_tables.PROCESSED_TABLES]
    assert sorted(table["Name"] for table in tables.values()) == sorted(stated)
    reports = tables["ClassifiedReportsTable"]
    assert reports["Parameters"]["storage.location.template"] == (
        "s3://mining-data-mesh/oil-analysis/gold/${client_folder}/athena/classified_reports/"
    )
    assert reports["Parameters"]["projection.client_folder.values"] == "cda,emin"
    indicators = tables["MarketIndicatorsTable"]
    assert indicators["Parameters"]["storage.location.template"] == (
        "s3://mining-data-mesh/market/gold/${client_folder}/athena/indicators/"
    )
    assert indicators["Parameters"]["projection.client_folder.values"] == "universe"
    for table in tables.values():
        names = [column["Name"] for column in table["StorageDescriptor"]["Columns"]]
        assert len(set(names)) == len(names)
        assert not set(names) & {key["Name"] for key in table.get("PartitionKeys", [])}
        # Athena allows no other characters in names.
        assert all(re.fullmatch("[a-z_][a-z0-9_]*", name) for name in names)
        is_json = table["Name"].startswith("processed_")
        how = {"ignore.malformed.json": "false"} if is_json else {"parquet.column.index.access": "true"}
        assert table["StorageDescriptor"]["SerdeInfo"]["Parameters"] == how


def test_tables_cover_what_the_products_publish():
    for product, catalog in zip((OIL, MARKET), glue_tables.CATALOGS, strict=True):
        published = {table.name for table in (*product.contract.tables, *product.contract.silver)}
        assert {table.name for table in catalog.tables} == published


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


def test_image_can_run_each_product_that_the_stack_runs():
    """It has the libraries of market data, and a run of each product parses its models while the image is built."""
    image = (INFRA / "Dockerfile").read_text(encoding="utf-8")
    assert "--requirement requirements-market.lock" in image
    assert [command for command in ("tribolake run", "tribolake market demo") if f"bin/{command}" not in image] == []


def test_image_can_write_pdf():
    """It has the extra, and the libraries of Debian that docs/web.md names."""
    image = (INFRA / "Dockerfile").read_text(encoding="utf-8")
    assert "--requirement requirements-pdf.lock" in image
    documented = re.findall(
        r"lib(?:pango|harfbuzz)[\w.-]+", (PROJECT_DIR / "docs" / "web.md").read_text(encoding="utf-8")
    )
    last = image.split("\nFROM ")[-1]
    assert len(documented) == 3
    assert [name for name in documented if name not in last] == []


def test_stack_takes_an_image_by_digest_only(template):
    form = re.compile(template["Parameters"]["ImageUri"]["AllowedPattern"])
    assert form.fullmatch(f"123456789012.dkr.ecr.us-east-1.amazonaws.com/tribolake@sha256:{'0' * 64}")
    assert not form.fullmatch("tribolake:latest")


def test_image_names_no_registry_and_is_not_root():
    lines = [line.strip() for line in (INFRA / "Dockerfile").read_text(encoding="utf-8").splitlines() if line.strip()]
    instructions = [line for line in lines if not line.startswith("#")]
    assert not [line for line in instructions if re.search(r"https?://|index-url|--trusted-host", line)]
    bases = [line.split()[1] for line in instructions if line.startswith("FROM")]
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.11-slim@sha256:[0-9a-f]{64}", bases[0])
    users = [line.split()[1] for line in instructions if line.startswith("USER")]
    assert users
    assert users[-1] not in ("root", "0")
    installs = itertools.chain(line for line in instructions if "pip install" in line)
    assert all("--require-hashes" in line or "--no-deps" in line for line in installs)
