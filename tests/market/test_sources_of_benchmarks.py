"""Features name the raw objects of their benchmark, whichever builds touched it, and those give their values again."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as cases
from hypothesis import strategies as st
from tests.market.small_warehouse import SmallWarehouse, compiled_models, written

from tribolake.market.as_known_on import get_as_known_on
from tribolake.market.keys import IMPORT, RawKey
from tribolake.market.last_bodies import ALL, sources_in
from tribolake.market.market_lake import MarketLake
from tribolake.market.object_lineage import ObjectOrigin, RawUses, lineage_of_object
from tribolake.market.processed import KINDS, label_of
from tribolake.market.product import MARKET
from tribolake.market.sample import Traded, after_close, as_bytes, chart_of, key_of, random_walk
from tribolake.market.symbols import ticker_of
from tribolake.market.value_lineage import lineage_of_value
from tribolake.run.pipeline import run
from tribolake.settings import Settings

PAID = (date(2023, 2, 8), date(2023, 3, 20))
SHARE, OTHER = random_walk("NVDA", 80), random_walk("AMD", 80)
# A fund that pays may be a benchmark as well: its dividends adjust the closes that features read.
INDEX = random_walk("^GSPC", 80, seed=2, splits={date(2023, 3, 1): 2.0}, dividends=dict.fromkeys(PAID, 0.4))
Response = tuple[str, bytes]
Spans = list[tuple[int, int]]


def chart(traded: Traded, end: int, since: int = 0, currency: str = "USD") -> Response:
    """Return the response of the evening of a session, by its number; it reaches back to another one."""
    served = chart_of(traded, traded.days[end], traded.days[since])
    served["chart"]["result"][0]["meta"]["currency"] = currency
    return key_of(traded.symbol, after_close(traded.days[end])), as_bytes(served)


def table(traded: Traded, end: int, since: int = 0) -> Response:
    """Return bars until a session as a table, which names no dividends and no exchange: those of charts count."""
    fetched_at = after_close(traded.days[end]) + timedelta(hours=1)
    quote = chart_of(traded, traded.days[end], traded.days[since])["chart"]["result"][0]["indicators"]["quote"][0]
    columns = (quote[name] for name in ("open", "high", "low", "close", "volume"))
    rows = [",".join(map(str, row)) for row in zip(traded.days[since:], *columns, strict=False)]
    content = "\n".join(["Date,Open,High,Low,Close,Volume", *rows]).encode()
    return str(RawKey(IMPORT, ticker_of(traded.symbol), fetched_at, 1, "csv")), content


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return compiled_models(written(tmp_path_factory.mktemp("compiled")))


def new_warehouse(models: dict[str, str]) -> SmallWarehouse:
    return SmallWarehouse(models, written(Path(tempfile.mkdtemp())))


@st.composite
def spans(draw: st.DrawFn) -> Spans:
    """Draw last and first sessions of responses without gaps: what happens in a gap, no response names."""
    ends = [20, *sorted(draw(st.lists(st.integers(21, 77), min_size=1, max_size=3, unique=True)))]
    return [(end, draw(st.integers(0, before))) for before, end in zip([0, *ends], ends, strict=False)]


def named(warehouse: SmallWarehouse, ticker: str = "NVDA") -> list[dict[str, Any]]:
    found = sources_in(warehouse.connection, [("features", ticker, ALL), ("indicators", ticker, date(2023, 2, 1))])
    assert [one for one in found["features", ticker] if f"/{ticker}/" in one["key"]]
    assert all(f"/{ticker}/" in one["key"] for one in found["indicators", ticker])
    return found["features", ticker]


def put(settings: Settings, *responses: Response) -> None:
    for key, content in responses:
        path = settings.lake / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def sessions_of(sources: Sequence[dict[str, Any]], ticker: str) -> dict[str, int]:
    return {one["key"]: one["sessions"] for one in sources if f"/{ticker}/" in one["key"]}


def forgotten(warehouse: SmallWarehouse) -> SmallWarehouse:
    """Return a warehouse that remembers nothing, as one in memory: the last build has all that it knows."""
    warehouse.connection.execute("delete from control.event_sources")
    return warehouse


@pytest.mark.slow
# Shrinking would take minutes, and what is drawn is small.
@cases(
    max_examples=4,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow],
    deadline=None,
)
@given(spans(), spans(), st.booleans(), st.randoms(use_true_random=False))
def test_sources_are_the_same_whatever_a_build_touches(
    models: dict[str, str], of_share: Spans, of_index: Spans, has_table: bool, random: Any
):
    share, index = ([chart(one, *span) for span in drawn] for one, drawn in ((SHARE, of_share), (INDEX, of_index)))
    index += [table(INDEX, 78)] if has_table else []
    at_once, one_by_one = new_warehouse(models), new_warehouse(models)
    at_once.deliver([*share, *index])
    for one in random.sample([*share, *index], len(share) + len(index)):
        one_by_one.deliver([one])
    expected = named(forgotten(at_once))
    assert named(one_by_one) == expected
    assert sum(sessions_of(expected, "NVDA").values()) == of_share[-1][0] + 1
    of_benchmark = sessions_of(expected, "_5EGSPC")
    # A table does not say that the session of its own day is over.
    assert sum(of_benchmark.values()) == (78 if has_table else of_index[-1][0] + 1)
    if has_table:  # it has all bars, and the charts below it name what adjusts them
        assert {key for key, sessions in of_benchmark.items() if sessions} == {index[-1][0]}
        assert bool(of_benchmark.keys() - {index[-1][0]}) == (of_index[-1][0] >= INDEX.days.index(min(PAID)))

    # A benchmark that is held back keeps its bars, and the sources of those.
    one_by_one.deliver([chart(INDEX, 79, currency="GBp"), chart(SHARE, 79, 20)])
    assert one_by_one.rows("from changes.held_tickers") == [{"ticker": "_5EGSPC"}]
    assert sessions_of(named(one_by_one), "_5EGSPC") == of_benchmark
    one_by_one.deliver([chart(OTHER, 78)])
    for ticker in ("NVDA", "AMD", "_5EGSPC"):
        assert sessions_of(named(one_by_one, ticker), "_5EGSPC") == of_benchmark

    # So it does in a warehouse that remembers nothing of it. There, all that name an event count with the bars.
    forgotten(one_by_one).deliver([chart(OTHER, 79, 78)])
    found = sessions_of(named(one_by_one), "_5EGSPC")
    assert found.items() >= of_benchmark.items() and not any(found[key] for key in found.keys() - of_benchmark)
    with_events = {key for key, content in index if b'"amount"' in content or b'"numerator"' in content}
    assert found.keys() <= of_benchmark.keys() | with_events


@pytest.mark.slow
def test_features_lead_to_the_objects_of_their_benchmark_and_back(tmp_path: Path):
    settings = written(tmp_path)
    lake, share = MarketLake(settings), random_walk("NVDA", 320)
    index = replace(random_walk("^GSPC", 320, seed=2), dividends={share.days[290]: 0.4})
    elsewhere = random_walk("D05.SI", 320, exchange="SES")  # its index was never fetched
    first, every_bar = chart(index, 300), table(index, 310)

    def run_again(*responses: Response, on: int, is_held: bool = False) -> dict[str, Any]:
        """Return the features that a run stored. They are those known that day, and their sources give them again."""
        put(settings, *responses)
        assert run(MARKET, settings).needs_a_look == is_held
        body = lake.get_latest_features("NVDA") or {}
        known = get_as_known_on(settings, "features", "NVDA", share.days[on])
        assert (known["sources"], known["values"]) == (body["sources"], body["values"])
        found = lineage_of_object(settings, body["key"])
        assert isinstance(found, ObjectOrigin) and found.is_same and not found.problems and not found.notes
        return body

    stored = [
        run_again(chart(share, 300), chart(elsewhere, 300), first, on=300),
        run_again(every_bar, on=310),  # the index alone
        run_again(chart(share, 302), on=310),  # the share alone
    ]
    own = [key_of("NVDA", after_close(share.days[end])) for end in (300, 300, 302)]
    of_index = [{first[0]: 301}, {first[0]: 0, every_bar[0]: 301}, {first[0]: 0, every_bar[0]: 303}]
    for body, key, sessions in zip(stored, own, of_index, strict=True):
        assert [one["key"] for one in body["sources"]] == [key, *sessions] and body["values"]["beta_90"] is not None
        assert sessions_of(body["sources"], "_5EGSPC") == sessions
        label = label_of(body)
        assert label.metadata["source_raw_data_key"] == label.tags["source_raw_data"] == key
    alone = lake.get_latest_features("D05.SI") or {}
    assert len(alone["sources"]) == 1 and alone["undefined"]["beta_90"] == "_5ESTI has not all sessions"

    # Upward: no bar of the first chart counts any more, and its dividend does.
    up = lineage_of_object(settings, first[0])
    assert isinstance(up, RawUses) and not up.problems and not up.sessions
    uses = {one.key: one.sessions for one in up.objects if "/NVDA/" in one.key}
    assert uses == {body["key"]: sessions[first[0]] for body, sessions in zip(stored, of_index, strict=True)}
    assert {one.key.split("/")[2] for one in up.objects} == {"NVDA", "_5EGSPC"}
    assert {one.kind for one in up.objects if "/_5EGSPC/" in one.key} == set(KINDS)

    # The index is held back, and then the warehouse is lost: features are compared with what was published of it.
    held = chart(index, 311, currency="GBp"), table(share, 305, 303)
    for is_lost in (False, True):
        if is_lost:
            settings.warehouse.unlink()
        body = run_again(*held, on=311, is_held=True)
        assert sessions_of(body["sources"], "_5EGSPC") == {first[0]: 0, every_bar[0]: 305}
    value = lineage_of_value(settings, "NVDA", share.days[304], "beta_90")
    assert value.value == value.recomputed == body["values"]["beta_90"] is not None and not value.problems
    assert {one.key.split("/")[2] for one in value.inputs} == {"NVDA", "_5EGSPC"}
    assert lineage_of_object(settings, every_bar[0]).compared_tickers == ["NVDA"]  # type: ignore[union-attr]
    assert len(lake.versions("NVDA", "features")) == 5

    path = settings.lake / body["key"]
    changed = json.loads(path.read_text())
    changed["values"]["beta_90"] += 1e-9
    path.write_text(json.dumps(changed))
    assert lineage_of_object(settings, body["key"]).problems == ["its sources give other values than it has"]
