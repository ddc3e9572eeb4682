"""Test that a machine's page says why it has its place: the sum is its score, and the machine behind has less."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from tests.support.page_reader import Pages, text_of

from tribolake.lake.replicas import open_objects
from tribolake.oil.fleet import in_order
from tribolake.oil.published_fleet import read_fleet
from tribolake.oil.questions.machine import show_machine
from tribolake.settings import Settings
from tribolake.web.addresses import Addresses
from tribolake.web.views.place import place_part
from tribolake.web.words import words_in

pytestmark = pytest.mark.slow
CLIENTS = ["cda", "emin"]
NOW = datetime.now(UTC)


def test_terms_of_every_machine_are_its_score(page_lake: Settings):
    ordered = in_order(read_fleet(open_objects(page_lake), CLIENTS, NOW).machines)
    words, order = words_in("es"), []
    for machine in ordered:
        shown = show_machine(page_lake, machine["unit_id"], [machine["client"].lower()], NOW.date())
        part = place_part(shown.machine, shown.components, ordered, words, Addresses(None))
        assert round(sum(term.value for term in part.terms), 1) == machine["weighted_machine_score"]
        order.append((machine["is_recent"], part.place, part.behind))
    recent = [machine["unit_id"] for machine in ordered if machine["is_recent"]]
    assert [behind for is_recent, _, behind in order if is_recent] == [*recent[1:], ""]
    assert {place for is_recent, place, _ in order if not is_recent} <= {words("place.silent")}
    assert order[0][1] == words("place.of", place="1", all=words.number(len(recent)))


@pytest.mark.parametrize(
    ("behind", "said"),
    [
        ({"urgency": "U1"}, "place.later"),
        ({"urgency": None}, "place.no_deadline"),
        ({"weighted_machine_score": 3.5}, "place.lower"),
        ({"machine_score": 1}, "place.equal"),
    ],
)
def test_machine_behind_is_compared_by_what_orders_first(behind: dict[str, object], said: str):
    first = {
        "client": "CDA", "unit_id": "A", "is_recent": True, "urgency": "U0", "weighted_machine_score": 4.0,
        "machine_score": 4, "priority_score": 3,
    }  # fmt: skip
    ordered = in_order([first | {"unit_id": "B"} | behind, first])
    words = words_in("es")
    part = place_part(first, [], ordered, words, Addresses(None))
    assert part.behind == "B"
    assert part.why_behind.startswith(words.texts[said].split("{")[0])


def test_file_of_a_machine_names_no_machine_behind_it(pages: Pages):
    page = pages.read("/", client="emin")
    href = page.select_one("th.unit > a")["href"]
    assert "Detrás está" in text_of(pages.read(href).select_one(".place"))
    assert "Detrás está" not in text_of(pages.read(href.replace("/m?", "/take/machine?")).select_one(".place"))
