"""The list of limits, as filtered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tribolake.oil.limits.choice import LimitGroup
from tribolake.oil.limits.other_limits import LOWER, UPPER
from tribolake.oil.questions.essays import place_of
from tribolake.oil.questions.limit_groups import LimitFilter, group_of
from tribolake.texts import plain
from tribolake.web.addresses import LIMIT, LIMITS, TAKE_LIMITS, Addresses
from tribolake.web.views.parts import File, tables_of
from tribolake.web.views.trial_form import (
    Choices,
    Option,
    TrialForm,
    policy_form,
)
from tribolake.web.words import Words

SHOWN_LIMITS = 50
NO_LIMIT = "–"
Row = Mapping[str, Any]


@dataclass(frozen=True)
class LimitsChoice:
    """Which limits a page shows, as its address says."""

    client: str
    filter: LimitFilter
    shown: int = SHOWN_LIMITS


@dataclass(frozen=True)
class LimitRow:
    """The limits of a group and essay. `href` leads to its page."""

    client: str
    group: str
    essay: str
    unit: str
    href: str | None
    limits: tuple[str, ...]
    lower: str
    interval: str
    n: str
    quality: str
    level: str


@dataclass(frozen=True)
class LimitsPage:
    """The list of limits, and a form that judges by another policy."""

    counts: str
    action: str
    language: str | None
    filters: tuple[Choices, ...]
    clear: str | None
    rows: tuple[LimitRow, ...]
    shown: str
    more: str | None
    more_label: str
    form: TrialForm
    downloads: tuple[File, ...]


def limits_page(
    rows: Sequence[Row],
    choice: LimitsChoice,
    clients: Sequence[str],
    policies: Sequence[str],
    words: Words,
    addresses: Addresses,
) -> LimitsPage:
    """Return the page of all limits that judge today.

    Args:
        rows: limits, by client and group.
        choice: which are shown.
        clients: that are published.
        policies: that the seeds have.
        words: the language.
        addresses: those of pages.
    """
    found = [row for row in rows if choice.filter.includes(row)]
    asked = choice.filter
    query = {"client": choice.client, **asdict(asked)}
    left = len(found) - choice.shown
    essays = sorted({row["essay"] for row in rows}, key=place_of)
    fields = (
        ("client", {client: client.upper() for client in clients}, choice.client),
        ("machine", _machines(rows, words), asked.machine),
        ("component", _by_text({row["component"]: words.family(row["component"]) for row in rows}), asked.component),
        ("essay", {name: words.essay(name) for name in essays}, asked.essay),
    )  # fmt: skip
    return LimitsPage(
        words("limits.counts", n=words.number(len(found)), all=words.number(len(rows))),
        LIMITS,
        addresses.language,
        tuple(_field(name, words(f"limits.filter.{name}"), offered, chosen, words) for name, offered, chosen in fields),
        addresses.page(LIMITS) if any(query.values()) else None,
        tuple(_row(row, words, addresses) for row in found[: choice.shown]),
        words("limits.shown", shown=words.number(min(len(found), choice.shown)), all=words.number(len(found))),
        addresses.page(LIMITS, **query, show=choice.shown + SHOWN_LIMITS) if left > 0 else None,
        words("fleet.more", n=words.number(min(max(left, 0), SHOWN_LIMITS))),
        policy_form(clients, choice.client, policies, "", words, addresses),
        tables_of(lambda form: addresses.page(TAKE_LIMITS, form=form, **query)),
    )


def label_of(group: LimitGroup, words: Words) -> str:
    """Return the name of a group: kind of machine, model, component."""
    return f"{_kind(group.machine, group.machine_model, words)} · {words.family(group.component)}"


def _kind(machine: str, model: str, words: Words) -> str:
    return f"{words.kind(machine)} {model.upper()}".strip()


def _row(row: Row, words: Words, addresses: Addresses) -> LimitRow:
    group = group_of(row)
    return LimitRow(
        group.client,
        label_of(group, words),
        words.essay(group.essay),
        words.unit(group.unit),
        addresses.limit(LIMIT, group),
        tuple(words.number(row[name]) or NO_LIMIT for name in UPPER),
        " · ".join(words.number(row[name]) for name in LOWER if row[name] is not None),
        interval_of(row, "p90", words),
        words.number(row["n"]),
        row["quality"] or "",
        level_of(row, "normal", words),
    )


def interval_of(row: Row, percentile: str, words: Words) -> str:
    """Return the 95 % interval of a percentile. A side that few samples do not bound is open."""
    low, high = row[f"{percentile}_low"], row[f"{percentile}_high"]
    if low is None and high is None:
        return ""
    return f"{words.number(low) or '…'} – {words.number(high) or '…'}"


def level_of(row: Row, band: str, words: Words) -> str:
    """Return the level that a limit comes from, in words."""
    level = row[f"source_level_{band}"]
    if level is None:
        return ""
    return words("limit.level.own" if level == row["grain"] else f"limit.level.{level}")


def limits_text(limits: Row, words: Words) -> str:
    """Return limits by band, upper ones and then lower ones."""
    upper = " / ".join(words.number(limits[name]) or NO_LIMIT for name in UPPER)
    lower = " / ".join(words.number(limits[name]) for name in LOWER if limits[name] is not None)
    return f"{upper} · ↓ {lower}" if lower else upper


def _machines(rows: Sequence[Row], words: Words) -> dict[str, str]:
    """Return the models by name, with their kind of machine, and the kinds."""
    models = {
        row["machine_model"]: _kind(row["machine"], row["machine_model"], words) for row in rows if row["machine_model"]
    }
    return _by_text({**models, **{row["machine"]: words.kind(row["machine"]) for row in rows}})


def _by_text(named: Mapping[str, str]) -> dict[str, str]:
    return dict(sorted(named.items(), key=lambda one: plain(one[1])))


def _field(name: str, label: str, offered: Mapping[str, str], chosen: str, words: Words) -> Choices:
    every = {"": words("filter.all"), **offered}
    # A choice that is not among them stays in the address, and in the form.
    if chosen not in every:
        every = {**every, chosen: chosen}
    return Choices(name, label, tuple(Option(value, text, value == chosen) for value, text in every.items()))
