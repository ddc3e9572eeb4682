"""The open alert of a component, told from its samples and from feedback. Feedback changes no status."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tribolake.oil.feedback.entry import Entry

# A report that could not be judged neither opens an alert nor closes one.
HEIGHTS = {"Normal": 0, "Alerta": 1, "Anormal": 2}
Sample = Mapping[str, Any]


@dataclass(frozen=True)
class OpenAlert:
    """A component in alarm since the sample `opened_by`. `entries` are about its samples, and stand.

    It is acknowledged if one of them is about a sample that was no better than the latest: what has become worse wants
    another look.
    """

    opened_by: Sample
    latest: Sample
    entries: tuple[Entry, ...]
    is_acknowledged: bool

    @property
    def people(self) -> tuple[str, ...]:
        """Who wrote the entries, each once, the first one first."""
        return tuple(dict.fromkeys(entry.written_by for entry in self.entries))


def open_alert(samples: Sequence[Sample], entries: Iterable[Entry]) -> OpenAlert | None:
    """Return the open alert of a component. Returns None if its latest judged sample is not in alarm.

    Args:
        samples: all of the component, by time, as rows of `oil/questions/samples.py`.
        entries: those that stand, see `standing`. Entries about other samples are left out.
    """
    judged = [sample for sample in samples if sample["status"] in HEIGHTS]
    normal = [place for place, sample in enumerate(judged) if not HEIGHTS[sample["status"]]]
    of_alert = judged[normal[-1] + 1 :] if normal else judged
    if not of_alert:
        return None
    heights = {key_of_sample(sample): HEIGHTS[sample["status"]] for sample in of_alert}
    said = tuple(entry for entry in entries if entry.sample in heights)
    latest = of_alert[-1]
    is_acknowledged = any(heights[entry.sample] >= HEIGHTS[latest["status"]] for entry in said)
    return OpenAlert(of_alert[0], latest, said, is_acknowledged)


def key_of_sample(sample: Sample) -> tuple[str, str, str]:
    """Return laboratory, number and occurrence of a sample, as an entry has them."""
    return sample["laboratory"], sample["sample_number"], sample["sample_occurrence"]
