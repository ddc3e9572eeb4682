"""Draw values along an axis as figures of one picture. A template writes them as SVG: no script, no font, no style."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 340, 140
LEFT, RIGHT, TOP, BOTTOM = 40, 8, 12, 22  # around the plot
FROM_ZERO = 0.5  # a scale begins at zero if its lowest value is below this share of its highest
LEAST_REACH = 1e-6  # of a scale, and as a share of its values
ROOM = 0.06  # of the scale, above and below its values
SMALL, LARGE = 3.2, 4.5  # half of a sign


@dataclass(frozen=True)
class Value:
    """A value at a place of the axis. `band` is the class of the limit that it breaks, or empty.

    Values of another line than that of the last value are earlier ones, such as those of an earlier fill of oil. With
    `href` its point leads there.
    """

    at: float
    value: float
    is_censored: bool = False
    band: str = ""
    label: str = ""
    line: int = 0
    href: str = ""


@dataclass(frozen=True)
class Limit:
    """A limit and the class of its band. `is_lower` is breached from above."""

    value: float
    slug: str
    is_lower: bool = False


@dataclass(frozen=True)
class Mark:
    """An event at a place of the axis, and the class of its kind."""

    at: float
    slug: str


@dataclass(frozen=True)
class Typical:
    """A value that is typical from one place of the axis to another."""

    first: float
    last: float
    value: float


@dataclass(frozen=True)
class Course:
    """What stands behind the values on their scale: a line, or stems from zero, and its class."""

    slug: str
    points: Sequence[tuple[float, float]]
    has_stems: bool = False


@dataclass(frozen=True)
class Label:
    """A value beside its place y."""

    at: float
    value: float


@dataclass(frozen=True)
class Text:
    """A text below the axis. `at` is its place on the axis, and x in a picture."""

    at: float
    text: str


@dataclass(frozen=True)
class Sign:
    """A point that is not an ordinary one: its shape as a path, its classes, its text, and where it leads."""

    path: str
    slug: str
    label: str
    href: str = ""


@dataclass(frozen=True)
class Drawn:
    """A path and its class."""

    path: str
    slug: str


@dataclass(frozen=True)
class Line:
    """A line across the plot at x or y, and its class."""

    at: float
    slug: str


@dataclass(frozen=True)
class Plot:
    """The figures of a picture, in its own units. `dots` are ordinary values, `hollow` censored ones.

    `past` and `past_dots` are those of lines before the last one. `typical` are levels behind the values.
    """

    line: str
    dots: str
    past: str
    past_dots: str
    hollow: str
    typical: str
    signs: tuple[Sign, ...]
    limits: tuple[Line, ...]
    events: tuple[Line, ...]
    values: tuple[Label, ...]
    texts: tuple[Text, ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM
    courses: tuple[Drawn, ...] = ()

    @property
    def leads(self) -> bool:
        """Whether points of it are links, which a picture cannot have."""
        return any(sign.href for sign in self.signs)


def plot_of(
    values: Sequence[Value],
    limits: Sequence[Limit],
    marks: Sequence[Mark],
    first: float,
    last: float,
    texts: Sequence[Text] = (),
    typical: Sequence[Typical] = (),
    courses: Sequence[Course] = (),
    *,
    has_dots: bool = True,
    height: int = HEIGHT,
) -> Plot:
    """Draw values on an axis from the first to the last place. All are within it.

    Values that break a limit have the shape of their band, censored ones are hollow, and the last one is larger. Values
    of one line are joined in their order. Without dots only the last one, and those with a band or an address, are
    points.
    """
    levels = [*(one.value for one in values), *(one.value for one in limits), *(one.value for one in typical)]
    levels += [value for one in courses for _, value in one.points] + [0.0] * any(one.has_stems for one in courses)
    low, high = _range(levels)
    length = (last - first) or 1.0

    def x(at: float) -> float:
        return round(LEFT + (at - first) / length * (WIDTH - LEFT - RIGHT), 1)

    def y(value: float) -> float:
        return round(height - BOTTOM - (value - low) / (high - low) * (height - TOP - BOTTOM), 1)

    def behind(one: Course) -> str:
        at = [(x(place), y(value)) for place, value in one.points]
        return _stems(at, y(0)) if one.has_stems else _joined(at)

    places = [(x(one.at), y(one.value)) for one in values]
    drawn = list(zip(values, places, strict=True))
    current = values[-1].line
    return Plot(
        _joined(at for one, at in drawn if one.line == current),
        _dots(at for one, at in drawn if has_dots and one.line == current and not one.is_censored),
        "".join(_joined(at for one, at in drawn if one.line == line) for line in _lines_before(values)),
        _dots(at for one, at in drawn if one.line != current and not one.is_censored),
        "".join(shape_of("", px, py, SMALL) for one, (px, py) in drawn if one.is_censored and not one.band),
        "".join(f"M{x(one.first):g} {y(one.value):g}H{x(one.last):g}" for one in typical),
        tuple(
            _sign(one, at, is_last=place == len(values) - 1)
            for place, (one, at) in enumerate(drawn)
            if one.band or one.href or place == len(values) - 1
        ),
        tuple(Line(y(limit.value), f"{limit.slug} lower" if limit.is_lower else limit.slug) for limit in limits),
        tuple(Line(x(mark.at), mark.slug) for mark in marks if first <= mark.at <= last),
        tuple(Label(y(tick), tick) for tick in ticks(low, high)),
        tuple(Text(x(one.at), one.text) for one in texts),
        height=height,
        bottom=height - BOTTOM,
        courses=tuple(Drawn(path, one.slug) for one in courses if (path := behind(one))),
    )


def _lines_before(values: Sequence[Value]) -> list[int]:
    return list(dict.fromkeys(one.line for one in values if one.line != values[-1].line))


def _joined(places: Iterable[tuple[float, float]]) -> str:
    found = [f"{px:g} {py:g}" for px, py in places]
    return "M" + "L".join(found) if len(found) > 1 else ""


def _stems(places: Iterable[tuple[float, float]], zero: float) -> str:
    return "".join(f"M{px:g} {zero:g}V{py:g}" for px, py in places)


def _dots(places: Iterable[tuple[float, float]]) -> str:
    return "".join(f"M{px:g} {py:g}h0" for px, py in places)


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    if 0 <= low < FROM_ZERO * high:
        low = 0.0
    if low == high:
        low, high = low - abs(low) / 2, high + abs(high) / 2
    # Closer values have no places of their own in a picture.
    reach = max(high - low, abs(high) * LEAST_REACH, LEAST_REACH)
    return (low if low == 0 else low - ROOM * reach), high + ROOM * reach


def _sign(value: Value, at: tuple[float, float], *, is_last: bool) -> Sign:
    (x, y), size = at, LARGE if is_last else SMALL
    classes = [value.band or "plain", *(["censored"] if value.is_censored else [])]
    return Sign(shape_of(value.band, x, y, size), " ".join(classes), value.label, value.href)


def shape_of(band: str, x: float, y: float, size: float) -> str:
    """Return a square for a critical value, a triangle for a condemning one, and a circle for others."""
    if band == "critical":
        return f"M{x - size:.1f} {y - size:.1f}h{2 * size:g}v{2 * size:g}h-{2 * size:g}z"
    if band == "condemning":
        return f"M{x:.1f} {y - 1.3 * size:.1f}l{1.2 * size:.1f} {2.2 * size:.1f}h-{2.4 * size:.1f}z"
    return f"M{x - size:.1f} {y:.1f}a{size:g} {size:g} 0 1 0 {2 * size:g} 0a{size:g} {size:g} 0 1 0-{2 * size:g} 0z"


def ticks(low: float, high: float) -> list[float]:
    """Return one to five round numbers within a scale."""
    rough = (high - low) / 3
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    found = _multiples(low, high, step)
    return found if len(found) > 1 else _multiples(low, high, step / 2)


def _multiples(low: float, high: float, step: float) -> list[float]:
    # Fifteen digits leave out what binary numbers add: 0.30000000000000004.
    return [float(f"{count * step:.15g}") for count in range(math.ceil(low / step), math.floor(high / step) + 1)]
