"""What other limits would do: the form, alarms before and after, and the reports that would change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tribolake.oil.limits.choice import LimitGroup
from tribolake.oil.limits.impact import Alarms, Impact
from tribolake.web.addresses import LIMIT, LIMITS, TAKE_CHANGES, TAKE_SEED, WHAT_IF, Addresses
from tribolake.web.views.limits import label_of, limits_text
from tribolake.web.views.parts import File, Status, files_of, status_of, tables_of
from tribolake.web.views.trial_form import TrialForm
from tribolake.web.words import Words

SHOWN_CHANGES = 25
COUNTED = (
    "alarms", "confirmed", "confirmed_by_laboratory", "confirmed_by_finding", "said_false", "missed",
    "missed_by_laboratory", "missed_findings",
)  # fmt: skip
PARTS = frozenset(name for name in COUNTED if "_" in name and name != "said_false")


@dataclass(frozen=True)
class CountRow:
    name: str
    before: str
    after: str
    is_part: bool
    is_changed: bool


@dataclass(frozen=True)
class ChangeRow:
    """A report that would change. `is_lost` marks an alarm with a confirmed finding that would be none."""

    unit: str
    component: str
    number: str
    href: str | None
    day: str
    before: Status
    after: Status | None
    points: str
    verdict: str
    said: str
    is_lost: bool


@dataclass(frozen=True)
class WhatIfPage:
    """The page. Without `counts` nothing was judged, and `says` tells why."""

    client: str
    list_href: str
    title: str
    limit_href: str | None
    now: str
    form: TrialForm
    says: str = ""
    result: str = ""
    counts: tuple[CountRow, ...] = ()
    lost: str = ""
    changes: tuple[ChangeRow, ...] = ()
    changed: str = ""
    shown: str = ""
    more: str | None = None
    more_label: str = ""
    downloads: tuple[File, ...] = ()
    seed_note: str = ""
    tables: tuple[File, ...] = ()

    def saying(self, text: str) -> WhatIfPage:
        """Return the page with a sentence instead of a result."""
        return replace(self, says=text)

    def with_result(
        self,
        impact: Impact,
        limits: Mapping[str, Any] | None,
        shown: int,
        query: Mapping[str, object],
        words: Words,
        addresses: Addresses,
    ) -> WhatIfPage:
        """Return the page with what a judgement found.

        Args:
            impact: what it would do.
            limits: those that were judged by. None means those of all groups.
            shown: how many reports are listed.
            query: the parameters of an address that asks the same.
            words: the language.
            addresses: those of pages.
        """
        rows = impact.lost_first()
        left = len(rows) - shown
        return replace(
            self,
            result=words("whatif.judged_by", limits=limits_text(limits, words))
            if limits
            else words("whatif.judged_all"),
            counts=_counts(impact.before, impact.after, words),
            lost=words("whatif.lost", n=len(impact.lost)) if impact.lost else "",
            changes=tuple(_change(row, is_lost, words, addresses) for row, is_lost in rows[:shown]),
            changed=words("whatif.changed", n=words.number(len(rows)), all=words.number(impact.reports)),
            shown=words("whatif.shown", shown=words.number(min(shown, len(rows))), all=words.number(len(rows))),
            more=addresses.page(WHAT_IF, **query, show=shown + SHOWN_CHANGES) if left > 0 else None,
            more_label=words("fleet.more", n=words.number(min(max(left, 0), SHOWN_CHANGES))),
            downloads=files_of(("policy_limits.csv", addresses.page(TAKE_SEED, **query))) if limits else (),
            seed_note=words("whatif.seed" if limits else "whatif.seed_policy"),
            tables=tables_of(lambda form: addresses.page(TAKE_CHANGES, **query, form=form)),
        )


def what_if_page(
    client: str,
    group: LimitGroup | None,
    limits: Mapping[str, Any] | None,
    policy: str,
    form: TrialForm,
    words: Words,
    addresses: Addresses,
) -> WhatIfPage:
    """Return the page with its form as it was filled in, and nothing judged.

    Args:
        client: in lower case.
        group: whose limits are changed. None means that the policy is.
        limits: of the group, as they judge today.
        policy: that judges today.
        form: as it was filled in.
        words: the language.
        addresses: those of pages.
    """
    now = words("whatif.now_policy", policy=policy)
    if group is not None and limits is not None:
        now = words("whatif.now", limits=limits_text(limits, words), unit=words.unit(group.unit))
    return WhatIfPage(
        client.upper(),
        addresses.page(LIMITS, client=client),
        f"{words.essay(group.essay)} · {label_of(group, words)}" if group else words("whatif.all_groups"),
        addresses.limit(LIMIT, group) if group else None,
        now,
        form,
    )


def _counts(before: Alarms, after: Alarms, words: Words) -> tuple[CountRow, ...]:
    pairs = ((name, getattr(before, name), getattr(after, name)) for name in COUNTED)
    return tuple(
        CountRow(words(f"whatif.count.{name}"), words.number(then), words.number(now), name in PARTS, then != now)
        for name, then, now in pairs
    )


def _change(row: Mapping[str, Any], is_lost: bool, words: Words, addresses: Addresses) -> ChangeRow:
    then, now = words.number(row["score_before"]), words.number(row["score_after"])
    said = [words(f"feedback.kind.{kind}") for kind in row["feedback"]]
    return ChangeRow(
        row["unit_id"],
        row["component"],
        row["sample_number"],
        addresses.report(row),
        words.day(row["sample_date"]),
        status_of(row["status_before"], words),
        status_of(row["status_after"], words) if row["status_after"] else None,
        then if then == now else f"{then} → {now}",
        row["lab_verdict"] or "",
        " · ".join([*said, *([words("whatif.would_be_lost")] if is_lost else [])]),
        is_lost,
    )
