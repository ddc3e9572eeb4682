"""Test that charts by hours, medians of sister machines and radars say what the published files say."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable
from datetime import date
from statistics import median

import pytest
from bs4 import BeautifulSoup, Tag
from tests.support.page_reader import Pages, text_of

from tribolake.oil.questions.essays import group_of_essay
from tribolake.oil.questions.published import rows
from tribolake.settings import Settings
from tribolake.web.views.plot import LEFT, RIGHT, WIDTH
from tribolake.web.words import words_in

pytestmark = pytest.mark.slow
SPANISH = words_in("es")
ORDER = "sampleDate, sampleTimestamp, sourceRow desc"
REPORTS = f"""
    select * from classified_reports where unitId = 'T_01' and componentName = 'motor' order by {ORDER}
"""
RESULTS = """
    select unitId, sampleNumber, sampleOccurrence, laboratory, essay, unit, value, censoring from results
    where rejection is null and value is not null
"""
DOTS = re.compile(r"M([\d.]+) ([\d.]+)h0")
SISTERS = re.compile(r"hermanas: ([\d.,]+) \(mediana de (\d+) máquinas\)")
NAME = ("unitId", "sampleNumber", "sampleOccurrence", "laboratory")
Place = Callable[[dict], float | None]
PLACES: dict[str, Place] = {
    "date": lambda row: row["sampleDate"].toordinal(),
    "machine": lambda row: row["machineHours"],
    "oil": lambda row: row["oilMeter"],
}


@pytest.fixture(scope="module")
def reports(page_lake: Settings) -> list[dict]:
    return rows(page_lake, REPORTS, ["cda"])


@pytest.fixture(scope="module")
def results(page_lake: Settings) -> dict[tuple, dict[str, dict]]:
    """Results of each report, by essay."""
    found: dict[tuple, dict[str, dict]] = defaultdict(dict)
    for row in rows(page_lake, RESULTS, ["cda"]):
        found[tuple(row[name] for name in NAME)][row["essay"]] = row
    return found


def name_of(report: dict) -> tuple:
    return tuple(report[name] for name in NAME)


def read_back(chart: Tag, first: float, last: float) -> list[tuple[float, float]]:
    """Values that a chart draws as dots, with their places: read from the picture by its own scale."""
    texts = chart.select("svg > text.y")
    (y0, v0), (y1, v1) = [(float(text["y"]) - 3.5, number(text.text)) for text in (texts[0], texts[-1])]
    dots = [dot for path in chart.select("path.dots") for dot in DOTS.findall(path["d"])]
    return sorted(
        (
            first + (float(x) - LEFT) / (WIDTH - LEFT - RIGHT) * (last - first),
            v0 + (float(y) - y0) / (y1 - y0) * (v1 - v0),
        )
        for x, y in dots
    )


def number(text: str) -> float:
    return float(text.replace(".", "").replace(",", "."))


@pytest.mark.parametrize("kind", list(PLACES))
def test_each_drawn_value_stands_where_gold_says(pages: Pages, reports, results, kind: str):
    page = pages.read("/m", client="cda", unit="T-01", component="motor", axis=kind, charts="all")
    assert text_of(page.select_one("nav a[aria-current][href*='#series'][href*='axis'], #series nav a[aria-current]"))
    placed = [row for row in reports if PLACES[kind](row) is not None]
    assert len(placed) > 5
    ends = [PLACES[kind](row) for row in placed]
    last = max(ends)
    first = 0.0 if kind == "oil" else min(ends)
    checked = 0
    for chart in page.select("figure.chart"):
        essay = next(one for one in results[name_of(reports[-1])] if SPANISH.essay(one) == text_of(chart.figcaption.b))
        unit = results[name_of(reports[-1])][essay]["unit"]
        known = [(PLACES[kind](row), results[name_of(row)].get(essay)) for row in placed]
        wanted = sorted((at, one["value"]) for at, one in known
                        if one and one["unit"] == unit and one["censoring"] is None)  # fmt: skip
        if len(chart.select("svg > text.y")) < 2:
            continue
        found = read_back(chart, first, last)
        reach = max(value for _, value in wanted) - min(value for _, value in wanted) or 1
        assert len(found) == len(wanted), essay
        for (at, value), (place, gold) in zip(found, wanted, strict=True):
            assert at == pytest.approx(place, abs=(last - first) / 1000), essay
            assert value == pytest.approx(gold, abs=max(reach, abs(gold)) / 50), essay
        checked += len(wanted)
    assert checked > 100
    without = len(reports) - len(placed)
    said = text_of(page.select_one("#series > p.small"))
    assert (f"{without} de {len(reports)} muestras" in said) == bool(without)


def test_links_of_axes_and_components_keep_each_other(pages: Pages):
    page = pages.read("/m", client="cda", unit="T-01", component="motor", axis="oil")
    components, axes = page.select("#series nav")
    assert all("axis=oil" in link["href"] for link in components.select("a"))
    assert all("component=motor" in link["href"] for link in axes.select("a"))
    assert "axis=oil" in page.select_one(".take a")["href"]
    assert pages.ask("/m", client="cda", unit="T-01", axis="x").status_code == 400


def part_of(day: date, length: int) -> tuple[int, ...]:
    return (day.year, day.month) if length <= 2 * 366 else (day.year, (day.month - 1) // 3)


def test_median_of_sisters_is_that_of_published_results(page_lake: Settings, pages: Pages, reports, results):
    """A median of the medians of machines of the model, in the month of the last sample, each in the same unit."""
    own = reports[-1]
    length = (own["sampleDate"] - reports[0]["sampleDate"]).days
    wanted = f"""
        select * from classified_reports
        where machineModel = '{own["machineModel"]}' and componentNameNormalized = 'motor' and unitId <> 'T_01'
    """
    sisters = [row for row in rows(page_lake, wanted, ["cda"])
               if part_of(row["sampleDate"], length) == part_of(own["sampleDate"], length)]  # fmt: skip
    page = pages.read("/m", client="cda", unit="T-01", component="motor", charts="all")
    shown = 0
    for essay, one in results[name_of(own)].items():
        values: dict[str, list[float]] = defaultdict(list)
        for row in sisters:
            other = results[name_of(row)].get(essay)
            if other and other["unit"] == one["unit"]:
                values[row["unitId"]].append(other["value"])
        chart = next(
            chart for chart in page.select("figure.chart") if text_of(chart.figcaption.b) == SPANISH.essay(essay)
        )
        said = SISTERS.search(text_of(chart.figcaption))
        assert bool(said) == (len(values) >= 3), essay
        if said:
            assert int(said[2]) == len(values)
            assert number(said[1]) == pytest.approx(median(map(median, values.values())))
            assert chart.select_one("path.typical")
            shown += 1
    assert shown >= 1, "no essay of this lake has sisters: the test compares nothing"


def test_machine_without_sisters_says_so(pages: Pages):
    page = pages.read(pages.read("/", client="emin").select_one("th.unit > a")["href"])
    assert "Sin mediana de máquinas hermanas" in text_of(page.select_one("#series"))
    assert not page.select("path.typical, figure.chart .sub")


def radars_of(page: BeautifulSoup) -> list[Tag]:
    return page.select("section.radar")


def test_radar_says_the_share_of_each_published_limit(page_lake: Settings, pages: Pages):
    """Every report of a machine: each spoke, its value, limit and share, and no radar with fewer than three spokes."""
    found = rows(page_lake, "select * from results where unitId = 'T_01' and rejection is null", ["cda"])
    by_report: dict[tuple, list[dict]] = defaultdict(list)
    for row in found:
        by_report[name_of(row)].append(row)
    checked = 0
    for (_, sample, occurrence, laboratory), of_report in by_report.items():
        page = pages.read("/r", client="cda", sample=sample, occurrence=occurrence, laboratory=laboratory)
        spokes: dict[str, dict[str, dict]] = defaultdict(dict)
        for row in of_report:
            can_compare = row["value"] is not None and any(
                (row[name] or 0) > 0 for name in ("threshold_normal", "lower_normal")
            )
            if can_compare:
                spokes[group_of_essay(row["essay"])][SPANISH.essay(row["essay"])] = row
        wanted = {SPANISH(f"radar.{group}"): of_group for group, of_group in spokes.items() if len(of_group) >= 3}
        assert {text_of(radar.h3) for radar in radars_of(page)} == set(wanted)
        for radar in radars_of(page):
            of_group = wanted[text_of(radar.h3)]
            assert len(radar.select("svg > path.sign")) == len(radar.select("tbody tr")) == len(of_group)
            for line in radar.select("tbody tr"):
                symbol = line.th.span.extract()
                row = of_group[text_of(line.th)]
                value, limit, share = (text_of(cell) for cell in line.select("td"))
                assert symbol.text
                assert share == expected_share(row), (row["essay"], row)
                assert number(re.findall(r"[\d.,]+", limit)[-1]) in (row["threshold_normal"], row["lower_normal"])
                assert value.startswith(row["text"] if row["censoring"] else SPANISH.number(row["value"]))
                checked += share != "–"
    assert checked > 30


def expected_share(row: dict) -> str:
    if row["censoring"]:
        return "–"
    shares = []
    if (row["threshold_normal"] or 0) > 0:
        shares.append(row["value"] / row["threshold_normal"])
    if (row["lower_normal"] or 0) > 0:
        shares.append(row["lower_normal"] / row["value"] if row["value"] else float("inf"))
    return SPANISH.percent(max(shares)) if max(shares) < float("inf") else "–"


def test_breach_of_a_radar_has_the_shape_of_its_band(page_lake: Settings, pages: Pages):
    alarms = rows(
        page_lake,
        "select * from classified_reports where essays_broken > 0 and unitId = 'T_01' order by sampleTimestamp",
        ["cda"],
    )
    shown = 0
    for alarm in alarms:
        page = pages.read("/r", client="cda", sample=alarm["sampleNumber"], laboratory=alarm["laboratory"])
        bands = {SPANISH.essay(one["essay"]) for one in json.loads(alarm["breached_essays"])}
        marked = {text_of(one.parent.parent.th).rsplit(" ", 1)[0] for one in page.select(".shares .band")}
        signs = page.select("section.radar path.sign[class~=critical], section.radar path.sign[class~=condemning]")
        assert marked <= bands
        assert len(signs) <= len(marked)
        shown += len(marked)
    assert shown > 0
