"""Deploy the stack on ministack, which emulates the services, and start tasks by files in bronze."""

from __future__ import annotations

import io
import os
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from tests.support.servers.processes import start, stop, wait_until

from tribolake.oil.product import OIL
from tribolake.settings import PROJECT_DIR

pytestmark = [pytest.mark.slow, pytest.mark.thorough]

# In its own environment, because it needs one exact version of botocore.
MINISTACK = ("ministack==1.5.33", "boto3==1.43.106")
STACK = "tribolake-test"
LAKE = "mining-data-mesh"


class Cloud:
    """The emulated services, and the stack in them."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106 - the emulator takes any
        )

    def deploy(self) -> None:
        s3, ec2, formation = self.client("s3"), self.client("ec2"), self.client("cloudformation")
        s3.create_bucket(Bucket="code")
        s3.put_object(Bucket="code", Key="start-task.zip", Body=zipped(PROJECT_DIR / "infra" / "lambda"))
        # The template is larger than what CloudFormation takes in a request.
        s3.put_object(Bucket="code", Key="stack.yml", Body=(PROJECT_DIR / "infra" / "stack.yml").read_bytes())
        parameters = {
            "ImageUri": f"tribolake@sha256:{'0' * 64}",
            "VpcId": ec2.describe_vpcs()["Vpcs"][0]["VpcId"],
            "SubnetIds": ec2.describe_subnets()["Subnets"][0]["SubnetId"],
            "LambdaCodeBucket": "code",
            "LambdaCodeKey": "start-task.zip",
            "PagesAccessParameterArn": "arn:aws:ssm:us-east-1:000000000000:parameter/tribolake/access",
            "PagesTargetGroupArn": "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/pages/01234567",
            "PagesProxySecurityGroupId": "sg-01234567",
        }
        formation.create_stack(
            StackName=STACK,
            TemplateURL=f"{self.endpoint}/code/stack.yml",
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
            Capabilities=["CAPABILITY_IAM"],
        )
        eventually(lambda: not self.stack()["StackStatus"].endswith("IN_PROGRESS"), "the stack is deployed")

    def stack(self) -> dict[str, Any]:
        return self.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]

    def output(self, name: str) -> str:
        return {one["OutputKey"]: one["OutputValue"] for one in self.stack()["Outputs"]}[name]

    def put(self, key: str) -> None:
        self.client("s3").put_object(Bucket=LAKE, Key=key, Body=b"x")

    def tasks(self) -> list[dict[str, str]]:
        """Return the environment of each running task, by client. Pages are another family."""
        ecs, cluster = self.client("ecs"), self.output("ClusterArn")
        arns = ecs.list_tasks(cluster=cluster, family=STACK)["taskArns"]
        described = ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"] if arns else []
        overrides = [task["overrides"]["containerOverrides"][0]["environment"] for task in described]
        return sorted(({pair["name"]: pair["value"] for pair in pairs} for pairs in overrides), key=str)

    def end_tasks(self) -> None:
        ecs, cluster = self.client("ecs"), self.output("ClusterArn")
        for arn in ecs.list_tasks(cluster=cluster, family=STACK)["taskArns"]:
            ecs.stop_task(cluster=cluster, task=arn)

    def takes_events(self, enabled: bool) -> None:
        """Switch whether the function takes events from the queue."""
        function = self.client("lambda")
        (mapping,) = function.list_event_source_mappings()["EventSourceMappings"]
        function.update_event_source_mapping(UUID=mapping["UUID"], Enabled=enabled)

    def messages(self) -> int:
        """Count messages in the queue, visible or not."""
        found = self.client("sqs").get_queue_attributes(QueueUrl=self.output("QueueUrl"), AttributeNames=["All"])
        names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        return sum(int(found["Attributes"][name]) for name in names)


def zipped(folder: Path) -> bytes:
    """Put the modules of a folder at the top of a zip file, as Lambda needs them."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for path in sorted(folder.glob("*.py")):
            archive.write(path, path.name)
    return content.getvalue()


def eventually(holds: Callable[[], bool], what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.2)


@pytest.fixture(scope="module")
def ministack(pytestconfig: pytest.Config) -> Path:
    """Python with ministack, installed once and kept in pytest's cache."""
    assert pytestconfig.cache
    python = pytestconfig.cache.mkdir("-".join(MINISTACK)) / "bin" / "python"
    installed = python.parent / "installed"
    if not installed.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", python.parents[1]], check=True)
        packages = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *MINISTACK]
        done = subprocess.run(packages, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"ministack cannot be installed here: {done.stderr.strip()[-300:]}")
        installed.touch()
    return python


@pytest.fixture(scope="module")
def cloud(ministack: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """The deployed stack."""
    folder = tmp_path_factory.mktemp("ministack")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # Without Docker, tasks are only recorded as running until they are stopped.
    environment = os.environ | {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "HOME": str(folder)}
    server = start([str(ministack), "-m", "ministack"], folder / "ministack.log", environment)
    try:
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/_ministack/health"), server, folder / "ministack.log")
        cloud = Cloud(f"http://127.0.0.1:{port}")
        cloud.deploy()
        yield cloud
    finally:
        stop(server)


def answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=2).close()  # noqa: S310
    except OSError:
        return False
    return True


def test_stack_is_deployed_whole(cloud: Cloud):
    assert cloud.stack()["StackStatus"] == "CREATE_COMPLETE"
    resources = cloud.client("cloudformation").list_stack_resources(StackName=STACK)["StackResourceSummaries"]
    assert {resource["ResourceStatus"] for resource in resources} == {"CREATE_COMPLETE"}
    assert len(resources) > 30
    tables = cloud.client("glue").get_tables(DatabaseName="oil_analysis")["TableList"]
    published = (*OIL.contract.tables, *OIL.contract.silver)
    assert sorted(table["Name"] for table in tables) == sorted(table.name for table in published)
    assert len(cloud.client("cloudwatch").describe_alarms()["MetricAlarms"]) == 3


def test_burst_starts_one_task_per_client_then_the_next_one(cloud: Cloud):
    queue = cloud.output("QueueUrl")
    # A message that finds a running task comes again after seconds here, not minutes.
    cloud.client("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "3"})
    eventually(lambda: cloud.messages() == 0, "the test event of the bucket is handled")
    # ministack has no batching window, and gives creation times of tasks in whole seconds.
    cloud.takes_events(False)
    for i in range(8):
        cloud.put(f"oil-analysis/bronze/cda/2026-01-31/T 0{i} ñ+.xlsx")
    cloud.put("oil-analysis/bronze/emin/2026-01-31/muestras.parquet")
    cloud.put("oil-analysis/gold/cda/classified_reports.parquet")
    cloud.put("oil-analysis/bronze/cda/~$T-01.xlsx")
    cloud.put("oil-analysis/bronze/unknown/T-01.xlsx")
    time.sleep(2)
    cloud.takes_events(True)
    eventually(lambda: len(cloud.tasks()) == 2, "both clients have a task")
    eventually(lambda: cloud.messages() == 0, "the burst is handled")
    cda, emin = cloud.tasks()
    assert (cda["CLIENT"], cda["TRIGGER_TYPE"]) == ("cda", "s3_event")
    assert cda["SOURCE_FILE"].startswith("oil-analysis/bronze/cda/2026-01-31/T 0")
    assert cda["SOURCE_FILE"].endswith(" ñ+.xlsx")
    assert emin["SOURCE_FILE"] == "oil-analysis/bronze/emin/2026-01-31/muestras.parquet"

    time.sleep(2)
    cloud.put("oil-analysis/bronze/cda/2026-02-28/T-99.xlsx")
    time.sleep(5)
    assert len(cloud.tasks()) == 2
    assert cloud.messages() == 1
    cloud.end_tasks()
    eventually(lambda: len(cloud.tasks()) == 1, "the file of the time of the task starts the next task")
    assert cloud.tasks()[0]["SOURCE_FILE"] == "oil-analysis/bronze/cda/2026-02-28/T-99.xlsx"
    eventually(lambda: cloud.messages() == 0, "nothing is left")
