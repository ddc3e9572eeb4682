"""The limits of one group, with their confidence, floors and versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tribolake.oil.limits.other_limits import LOWER, PERCENTILES, UPPER
from tribolake.oil.questions.limit_groups import LimitVersion, group_of
from tribolake.web.addresses import LIMIT, LIMITS, Addresses
from tribolake.web.views.limits import NO_LIMIT, Row, interval_of, label_of, level_of, limits_text
from tribolake.web.views.parts import BANDS
from tribolake.web.views.trial_form import LOWER_FIELDS, UPPER_FIELDS, TrialForm, group_form
from tribolake.web.words import Words

SHOWN_VERSIONS = 25
SOURCES = ("normal", "alert", "critic")


@dataclass(frozen=True)
class BandRow:
    """A limit of a group: its band, the limit, the percentile that it is made of, and where that comes from."""

    band: str
    slug: str
    limit: str
    percentile: str
    interval: str
    level: str
    lower: str


@dataclass(frozen=True)
class VersionRow:
    version: str
    day: str
    iso: str
    limits: str
    n: str
    quality: str
    href: str | None
    is_shown: bool


@dataclass(frozen=True)
class LimitPage:
    """The limits of a group. `notices` say that they are not those of today."""

    title: str
    client: str
    list_href: str
    group: str
    essay: str
    unit: str
    notices: tuple[str, ...]
    bands: tuple[BandRow, ...]
    facts: tuple[tuple[str, str], ...]
    floors: tuple[str, ...]
    versions: tuple[VersionRow, ...]
    more_versions: str
    form: TrialForm


def limit_page(
    row: Row,
    version: str,
    versions: Sequence[LimitVersion],
    floors: Sequence[Mapping[str, str]],
    fixed: Sequence[Mapping[str, str]],
    words: Words,
    addresses: Addresses,
    *,
    is_current: bool,
) -> LimitPage:
    """Return the page of a group's limits.

    Args:
        row: the limits.
        version: that they are of.
        versions: those that changed them, the newest first.
        floors: of the group.
        fixed: bands of its essay.
        words: the language.
        addresses: those of pages.
        is_current: whether they judge today.
    """
    group = group_of(row)
    shown = _shown_version(versions, row)
    notices = [] if is_current else [words("limit.not_current", version=version)]
    return LimitPage(
        f"{words.essay(group.essay)} · {label_of(group, words)}",
        group.client,
        addresses.page(LIMITS, client=group.client.lower()),
        label_of(group, words),
        words.essay(group.essay),
        words.unit(group.unit),
        tuple(notices),
        tuple(_band(row, place, words) for place in range(len(UPPER))),
        (
            (words("limit.n"), words("limit.n_text", n=words.number(row["n"]), units=words.number(row["n_units"]))),
            (words("limit.nondetect"), words.number(row["n_nondetect"])),
            (words("limit.quality"), words(f"limit.quality.{row['quality']}")),
            (words("limit.median"), words.number(row.get("p50"))),
            (words("limit.version"), version),
        ),
        (*(_floor(floor, words) for floor in floors), *(_fixed(band, words) for band in fixed)),
        tuple(
            VersionRow(
                one.version,
                words.day(one.published_at.date()),
                one.published_at.date().isoformat(),
                limits_text(one.limits, words),
                words.number(one.limits["n"]),
                one.limits["quality"] or "",
                addresses.limit(LIMIT, group, version=one.version),
                one is shown,
            )
            for one in versions[:SHOWN_VERSIONS]
        ),
        words("limit.more_versions", n=len(versions) - SHOWN_VERSIONS) if len(versions) > SHOWN_VERSIONS else "",
        group_form(group, "limit", _written(row, words), words, addresses, has_lower=row["lower_normal"] is not None),
    )


def _band(row: Row, place: int, words: Words) -> BandRow:
    name, percentile, source = list(BANDS)[::-1][place], PERCENTILES[place], SOURCES[place]
    is_set = row[f"source_level_{source}"] == "set"
    return BandRow(
        words(f"band.{name}"),
        BANDS[name],
        words.number(row[UPPER[place]]) or NO_LIMIT,
        "" if is_set or row[percentile] is None else f"{percentile.upper()} = {words.number(_short(row[percentile]))}",
        "" if is_set else interval_of(row, percentile, words),
        level_of(row, source, words),
        words.number(row[LOWER[place]]),
    )


def _short(number: float) -> float:
    """Return a percentile with the digits that tell something. A limit is not rounded."""
    return float(f"{number:.6g}")


def _written(row: Row, words: Words) -> dict[str, str]:
    """Return the limits of a row as a form has them: what is changed begins with what is."""
    names = zip((*UPPER_FIELDS, *LOWER_FIELDS), (*UPPER, *LOWER), strict=True)
    return {field: words.typed(row[name]) for field, name in names if row[name] is not None}


def _shown_version(versions: Sequence[LimitVersion], row: Row) -> LimitVersion | None:
    names = (*UPPER, *LOWER)
    return next((one for one in versions if all(one.limits[name] == row[name] for name in names)), None)


def _floor(floor: Mapping[str, str], words: Words) -> str:
    limits = " / ".join(words.number(floor[name]) for name in ("marginal", "condenatorio", "critico"))
    unit = words("limit.times_median") if floor["relative_to"] == "median" else words.unit(floor["unit"])
    text_id = "limit.floor" if floor["direction"] == "upper" else "limit.floor_lower"
    return words(
        text_id, limits=limits, unit=unit, reason=words.of_row(floor, "reason"), source=words.of_row(floor, "source")
    )


def _fixed(band: Mapping[str, str], words: Words) -> str:
    value = words.of_field(f"code.{band['code']}", band["code"]) or f"≥ {words.number(band['min_value'])}"
    return words("limit.fixed", value=value, band=words(f"band.{band['band']}"), reason=words.of_row(band, "reason"))
