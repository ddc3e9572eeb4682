"""An entry of feedback, as it is stored. What it may hold is decided here, for writers and for readers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from tribolake.errors import ConfigurationError
from tribolake.lake.bronze import CLIENT_NAME
from tribolake.oil.feedback.ulid import ULID, new_ulid

FORMAT = 1
Kind = Literal["seen", "confirmed", "false_alarm", "nothing_found", "assigned", "due", "withdrawn"]
KINDS: tuple[str, ...] = get_args(Kind)
# What only one kind says, and whether it must.
OF_KIND: Mapping[str, tuple[str, bool]] = {
    "finding": ("confirmed", True),
    "cost_usd": ("confirmed", False),
    "hours_saved": ("confirmed", False),
    "assigned_to": ("assigned", True),
    "due_on": ("due", True),
    "withdraws": ("withdrawn", True),
}

Published = Annotated[str, StringConstraints(max_length=1000)]  # as gold has it: longer names have no page
Person = Annotated[str, StringConstraints(min_length=1, max_length=80)]
EntryId = Annotated[str, StringConstraints(pattern=f"^{ULID}$")]
Amount = Annotated[float, Field(ge=0, le=1e9)]


class Entry(BaseModel):
    """What one person says of one report. It never changes: another entry withdraws it."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    format: Literal[1]
    entry_id: EntryId
    written_at: AwareDatetime
    written_by: Person  # as the writer says: there is no login
    client: Annotated[str, StringConstraints(pattern=CLIENT_NAME.pattern)]
    laboratory: Published
    sample_number: Annotated[str, StringConstraints(min_length=1, max_length=1000)]
    sample_occurrence: Published
    unit_id: Published
    component: Published
    kind: Kind
    note: Annotated[str, StringConstraints(max_length=2000)] = ""
    finding: Annotated[str, StringConstraints(min_length=1, max_length=500)] | None = None
    cost_usd: Amount | None = None
    hours_saved: Amount | None = None
    assigned_to: Person | None = None
    due_on: date | None = None
    withdraws: EntryId | None = None

    @model_validator(mode="after")
    def _says_what_its_kind_says(self) -> Self:
        for name, (kind, is_needed) in OF_KIND.items():
            is_said = getattr(self, name) is not None
            if is_said and self.kind != kind:
                raise ValueError(f"{name} belongs to {kind}, not to {self.kind}")
            if is_needed and self.kind == kind and not is_said:
                raise ValueError(f"{kind} needs {name}")
        return self

    @property
    def sample(self) -> tuple[str, str, str]:
        """The key of the report: laboratory, number and occurrence."""
        return self.laboratory, self.sample_number, self.sample_occurrence

    def as_json(self) -> bytes:
        return self.model_dump_json(exclude_none=True).encode() + b"\n"


def new_entry(
    report: Mapping[str, Any], kind: str, written_by: str, at: datetime, **said: str | float | date | None
) -> Entry:
    """Make an entry about a published report.

    Args:
        report: a row of `classified_reports`.
        kind: one of KINDS.
        written_by: the name of the writer.
        at: the time, with a time zone.
        said: what else it says: `note`, and the fields of OF_KIND. Absent, None and empty are the same.

    Raises:
        ConfigurationError: it says too much, too little, or something that the kind does not have.
    """
    moment = at.astimezone(UTC)
    texts = {name: value for name, value in said.items() if value not in (None, "")}
    fields = {
        "format": FORMAT,
        "entry_id": new_ulid(moment),
        "written_at": moment,
        "written_by": " ".join(written_by.split()),
        "client": str(report["client"]).lower(),
        "laboratory": report["laboratory"],
        "sample_number": report["sampleNumber"],
        "sample_occurrence": report["sampleOccurrence"],
        "unit_id": report["unitId"],
        "component": report["componentName"],
        "kind": kind,
    }
    # Line breaks and runs of spaces are those of a form. Published names stay as they are.
    spoken = {name: " ".join(value.split()) if isinstance(value, str) else value for name, value in texts.items()}
    try:
        return Entry.model_validate(fields | spoken)
    except ValidationError as error:
        raise ConfigurationError(f"this feedback cannot be stored: {first_problem(error)}") from error


def first_problem(error: ValidationError) -> str:
    """Return the first thing that is wrong with an entry, without what it says."""
    problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part) for part in problem["loc"])[:80]
    return f"{place}: {problem['msg']}" if place else str(problem["msg"]).removeprefix("Value error, ")


def standing(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """Return the entries that no other one withdraws, without those that withdraw."""
    withdrawn = {(entry.client, entry.withdraws) for entry in entries if entry.kind == "withdrawn"}
    return tuple(
        entry for entry in entries if entry.kind != "withdrawn" and (entry.client, entry.entry_id) not in withdrawn
    )
