"""The essays of a group as one picture: each value as a share of the first limit that judged it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tribolake.oil.questions.essays import group_of_essay, symbol_of
from tribolake.web.views.meter import LOWER, SLUGS, UPPER
from tribolake.web.views.parts import BANDS
from tribolake.web.views.plot import LARGE, Sign, Text, shape_of
from tribolake.web.views.values import number_of, text_of
from tribolake.web.words import Words

LEAST_SPOKES, MOST_SPOKES = 3, 24
WIDTH, HEIGHT = 340, 280
CENTRE, RADIUS = (170.0, 140.0), 105.0
EDGE = 2.0  # limits: what is beyond stands here
RINGS = (0.5, 1.0, 1.5, 2.0)
MARGINAL = 1.0


@dataclass(frozen=True)
class Spoke:
    """An essay of a radar, and its row of the table. `share` is empty where the value has none."""

    symbol: str
    essay: str
    value: str
    limit: str
    share: str
    slug: str


@dataclass(frozen=True)
class Name:
    """A symbol at the end of its spoke, and the class of its side."""

    x: float
    y: float
    text: str
    slug: str


@dataclass(frozen=True)
class Radar:
    """A radar: its figures in its own units, and the same as a table. `unshown` are measured essays without a spoke."""

    group: str
    label: str
    rings: tuple[str, ...]
    first_limit: str
    spokes: str
    ticks: tuple[tuple[str, str], ...]
    area: str
    signs: tuple[Sign, ...]
    names: tuple[Name, ...]
    scale: tuple[Text, ...]
    rows: tuple[Spoke, ...]
    unshown: str
    width: int = WIDTH
    height: int = HEIGHT


@dataclass(frozen=True)
class _Share:
    """A value with its first limit. `now` is None above the method's range: no number says how far."""

    row: Mapping[str, Any]
    limit: float
    is_lower: bool
    now: float | None
    others: tuple[tuple[float, str], ...]  # further limits, as shares of the first one


def radars_of(values: Sequence[Mapping[str, Any]], words: Words) -> tuple[Radar, ...]:
    """Return a radar of each group of essays that has three spokes or more.

    Args:
        values: of a report, in their order: see `oil/questions/report.py`.
        words: the language.
    """
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for row in values:
        groups.setdefault(group_of_essay(row["essay"]), []).append(row)
    found = []
    for group, rows in groups.items():
        shares = [share for row in rows if (share := _share(row)) is not None][:MOST_SPOKES]
        if group and len(shares) >= LEAST_SPOKES:
            found.append(_radar(group, rows, shares, words))
    return tuple(found)


def _share(row: Mapping[str, Any]) -> _Share | None:
    """Return the share of the limit that a value is nearest to. Codes and values without limits have none.

    A value is compared with its upper limit as value / limit, and with a lower one as limit / value.
    """
    value = 0.0 if row["censoring"] == "<" else number_of(row["value"])
    is_above = row["censoring"] == ">"
    upper, lower = row["threshold_normal"], row["lower_normal"]
    choices = []
    if upper is not None and upper > 0 and (is_above or value is not None):
        choices.append((None if is_above else _ratio(value, upper), upper, False))
    if lower is not None and lower > 0 and value is not None and not is_above:
        choices.append((_ratio(lower, value), lower, True))
    if not choices:
        return None
    now, limit, is_lower = max(choices, key=lambda one: math.inf if one[0] is None else one[0])
    names = (LOWER[::-1] if is_lower else UPPER)[1:]
    others = tuple(
        (_ratio(limit, row[name]) if is_lower else _ratio(row[name], limit), slug)
        for name, slug in zip(names, SLUGS[1:], strict=True)
        if row[name] is not None
    )
    return _Share(row, limit, is_lower, now, others)


def _ratio(part: float | None, whole: float | None) -> float:
    """Return a ratio. Without a positive whole it is beyond each scale."""
    return (part or 0.0) / whole if whole and whole > 0 else math.inf


def _radar(group: str, rows: Sequence[Mapping[str, Any]], shares: Sequence[_Share], words: Words) -> Radar:
    count = len(shares)

    def at(place: int, share: float) -> tuple[float, float]:
        angle = 2 * math.pi * place / count - math.pi / 2
        reach = RADIUS * min(max(share, 0.0), EDGE) / EDGE
        return round(CENTRE[0] + reach * math.cos(angle), 1), round(CENTRE[1] + reach * math.sin(angle), 1)

    def outline(ratios: Sequence[float]) -> str:
        return "M" + "L".join(f"{x:g} {y:g}" for x, y in (at(place, one) for place, one in enumerate(ratios))) + "z"

    table = tuple(_spoke(one, words) for one in shares)
    now = [math.inf if one.now is None else one.now for one in shares]
    shown = {one.row["essay"] for one in shares}
    hidden = [words.essay(row["essay"]) for row in rows if row["essay"] not in shown]
    name = words(f"radar.{group}")
    said = ", ".join(f"{one.symbol} {one.share or one.value}" for one in table)
    return Radar(
        name,
        words("radar.label", group=name, shares=said),
        tuple(outline([ring] * count) for ring in RINGS if ring != MARGINAL),
        outline([MARGINAL] * count),
        "".join(f"M{CENTRE[0]:g} {CENTRE[1]:g}L{x:g} {y:g}" for x, y in (at(place, EDGE) for place in range(count))),
        tuple(
            (f"M{x:g} {y:g}h0", slug)
            for place, one in enumerate(shares)
            for ratio, slug in one.others
            if ratio <= EDGE
            for x, y in [at(place, ratio)]
        ),
        outline(now),
        tuple(
            _sign(one, row, *at(place, now[place])) for place, (one, row) in enumerate(zip(shares, table, strict=True))
        ),
        tuple(_name(row.symbol, *at(place, EDGE)) for place, row in enumerate(table)),
        tuple(Text(round(CENTRE[1] - RADIUS * ring / EDGE, 1), words.percent(ring)) for ring in (MARGINAL, EDGE)),
        table,
        words("radar.unshown", essays=", ".join(hidden)) if hidden else "",
    )


def _spoke(one: _Share, words: Words) -> Spoke:
    row = one.row
    is_known = row["censoring"] is None and one.now is not None and math.isfinite(one.now)
    limit = words.number(one.limit)
    return Spoke(
        symbol_of(row["essay"]),
        words.essay(row["essay"]),
        f"{text_of(row['value'], words)} {words.unit(row['unit']) if row['censoring'] is None else ''}".strip(),
        words("radar.lower", limit=limit) if one.is_lower else limit,
        words.percent(one.now) if is_known and one.now is not None else "",
        BANDS.get(row["status"], ""),
    )


def _sign(one: _Share, spoke: Spoke, x: float, y: float) -> Sign:
    slug = spoke.slug or "plain"
    if one.row["censoring"]:
        slug += " censored"
    text = ", ".join(part for part in (f"{spoke.essay}: {spoke.value}", spoke.share) if part)
    return Sign(shape_of(spoke.slug, x, y, LARGE), slug, text)


def _name(text: str, x: float, y: float) -> Name:
    """Place a symbol outside of the end of its spoke."""
    away = 10 / RADIUS
    side = "" if abs(x - CENTRE[0]) < 8 else ("start" if x > CENTRE[0] else "end")
    return Name(round(x + (x - CENTRE[0]) * away, 1), round(y + (y - CENTRE[1]) * away + 3.5, 1), text[:12], side)
