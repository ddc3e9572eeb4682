"""Find and start the container tasks of a client."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

# In these states the container has not started, so the task has not listed the lake yet.
NOT_BEGUN = frozenset({"PROVISIONING", "PENDING"})


class TaskRefused(Exception):
    """ECS did not start the task, for instance because it lacks capacity."""


@dataclass(frozen=True)
class ClientTask:
    """A task that is under way."""

    status: str
    created_at: datetime | None

    def will_see(self, happened_at: datetime | None) -> bool:
        """Return whether the listing of this task will have all objects that were created until a moment.

        A task lists the lake once, after it was created.
        """
        if self.status in NOT_BEGUN:
            return True
        return happened_at is not None and self.created_at is not None and happened_at < self.created_at


@dataclass(frozen=True)
class Tasks:
    """The cluster and the configuration of new tasks."""

    ecs: Any
    cluster: str
    definition: str
    container: str
    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]
    public_ip: str

    def under_way(self, client: str) -> list[ClientTask]:
        """Return the client's tasks that this function started and that have not ended."""
        # ECS allows no other filter together with startedBy.
        arns = self.ecs.list_tasks(cluster=self.cluster, startedBy=_started_by(client))["taskArns"]
        if not arns:
            return []
        tasks = self.ecs.describe_tasks(cluster=self.cluster, tasks=arns)["tasks"]
        return [
            ClientTask(task["lastStatus"], task.get("createdAt"))
            for task in tasks
            if "STOPPED" not in (task["desiredStatus"], task["lastStatus"])
        ]

    def start(self, client: str, key: str) -> str:
        """Start a task for a client. Returns its ARN.

        Args:
            client: name of the client.
            key: the file that caused the start. The task finds other files itself.

        Raises:
            TaskRefused: ECS did not start it.
        """
        started = self.ecs.run_task(
            cluster=self.cluster,
            taskDefinition=self.definition,
            launchType="FARGATE",
            count=1,
            startedBy=_started_by(client),
            networkConfiguration={
                "awsvpcConfiguration": {
                    "subnets": list(self.subnets),
                    "securityGroups": list(self.security_groups),
                    "assignPublicIp": self.public_ip,
                }
            },
            overrides={
                "containerOverrides": [
                    {
                        "name": self.container,
                        "environment": [
                            {"name": "CLIENT", "value": client},
                            {"name": "TRIGGER_TYPE", "value": "s3_event"},
                            {"name": "SOURCE_FILE", "value": key},
                        ],
                    }
                ]
            },
        )
        if not started["tasks"]:
            raise TaskRefused("; ".join(str(failure.get("reason")) for failure in started["failures"]) or "no reason")
        return str(started["tasks"][0]["taskArn"])


def _started_by(client: str) -> str:
    return f"tribolake/{client}"
