"""The parameters of addresses. What does not fit is refused before a page is read."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Depends, Query
from pydantic import AfterValidator

from tribolake.oil.questions.axis import AxisKind
from tribolake.web.addresses import LONGEST
from tribolake.web.machine import MachineName
from tribolake.web.pages import SampleName
from tribolake.web.views.choice import SHOWN_MACHINES, FleetChoice

MOST_MACHINES = 1000
LONGEST_SEARCH = 100
Language = Annotated[Literal["es", "en"] | None, Query(description="Language of the page.")]
Client = Annotated[str, Query(max_length=64, description="Client, in any case."), AfterValidator(str.lower)]
Name = Annotated[str, Query(max_length=LONGEST)]
OptionalName = Annotated[str | None, Query(max_length=LONGEST)]
Status = Annotated[Literal["", "abnormal", "alert", "normal", "unknown"], Query(description="Worst component.")]
Axis = Annotated[AxisKind, Query(description="Axis of the charts: days, hours of the machine, or hours of the oil.")]
Flag = Annotated[Literal["", "1"], Query()]
Charts = Annotated[Literal["", "all"], Query(description="all: the less urgent charts too.")]
Shown = Annotated[int, Query(ge=1, le=MOST_MACHINES, description="Machines that are shown.")]
Search = Annotated[str, Query(max_length=LONGEST_SEARCH, description="Part of a unit, a component or a sample number.")]


def fleet_choice(
    client: Client = "",
    site: Name = "",
    status: Status = "",
    family: Name = "",
    worse: Flag = "",
    unseen: Flag = "",
    doubtful: Flag = "",
    q: Search = "",
    show: Shown = SHOWN_MACHINES,
) -> FleetChoice:
    """Return the machines that an address chooses."""
    return FleetChoice(client, site, status, family, worse, unseen, doubtful, q.strip(), show)


def sample_name(
    client: Client, sample: Name, occurrence: OptionalName = None, laboratory: OptionalName = None
) -> SampleName:
    """Return the name of a sample in an address."""
    return SampleName(client, sample, occurrence, laboratory)


def machine_name(client: Client, unit: Name, component: Name = "", axis: Axis = "date") -> MachineName:
    """Return the name of a machine in an address, and what its charts show."""
    return MachineName(client, unit, component, axis)


Sample = Annotated[SampleName, Depends(sample_name)]
Machine = Annotated[MachineName, Depends(machine_name)]
Machines = Annotated[FleetChoice, Depends(fleet_choice)]
