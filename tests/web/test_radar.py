"""Test that a spoke of a radar is the share of the limit that its value is nearest to, upper or lower."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from tribolake.web.views.radar import radars_of
from tribolake.web.words import words_in

WORDS = words_in("en")
METALS = ("Hierro", "Cobre", "Cromo")
POSITIVE = st.floats(0.01, 1000).map(lambda number: round(number, 2))


def row_of(essay: str, value: float, upper: float | None, lower: float | None) -> dict[str, object]:
    uppers = [None if upper is None else upper * by for by in (1, 1.5, 2)]
    lowers = [None if lower is None else lower / by for by in (1, 1.5, 2)]
    names = ("normal", "alert", "critic")
    limits = {f"threshold_{name}": limit for name, limit in zip(names, uppers, strict=True)}
    limits |= {f"lower_{name}": limit for name, limit in zip(names, lowers, strict=True)}
    return {"essay": essay, "value": value, "unit": "ppm", "censoring": None, "status": "", **limits}


@given(st.lists(st.tuples(POSITIVE, st.none() | POSITIVE, st.none() | POSITIVE), min_size=3, max_size=3))
@example([(8.0, None, 10.0), (12.0, 10.0, 5.0), (4.0, 10.0, 5.0)])
def test_share_is_of_the_nearest_limit(values: list[tuple[float, float | None, float | None]]):
    found = radars_of([row_of(essay, *one) for essay, one in zip(METALS, values, strict=True)], WORDS)
    wanted = []
    for value, upper, lower in values:
        over = [value / upper] if upper else []
        under = [lower / value] if lower else []
        if over or under:
            is_lower = bool(under) and (not over or under[0] > over[0])
            wanted.append((WORDS.percent(max(over + under)), is_lower))
    if len(wanted) < len(METALS):
        assert found == ()
        return
    (radar,) = found
    below = WORDS("radar.lower", limit="").strip()
    assert [(spoke.share, spoke.limit.startswith(below)) for spoke in radar.rows] == wanted
