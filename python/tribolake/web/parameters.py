"""The parameters of addresses. What does not fit is refused before a page is read."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Depends, Query

from tribolake.web.addresses import LONGEST
from tribolake.web.pages import SampleName

Language = Annotated[Literal["es", "en"] | None, Query(description="Language of the page.")]
Client = Annotated[str, Query(max_length=64, description="Client, in any case.")]
Name = Annotated[str, Query(max_length=LONGEST)]
OptionalName = Annotated[str | None, Query(max_length=LONGEST)]
Status = Annotated[Literal["", "abnormal", "alert", "normal", "unknown"], Query(description="Worst component.")]


def sample_name(
    client: Client, sample: Name, occurrence: OptionalName = None, laboratory: OptionalName = None
) -> SampleName:
    """Return the name of a sample in an address."""
    return SampleName(client.lower(), sample, occurrence, laboratory)


Sample = Annotated[SampleName, Depends(sample_name)]
