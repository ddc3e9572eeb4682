"""Values as known on a day are those of a lake that has only the responses until then, and never change later."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as cases
from hypothesis import strategies as st
from tests.market.real_bars import share
from tests.market.small_warehouse import SmallWarehouse, compiled_models, written
from tests.support.lake_homes import InBucket, InFolder, LakeHome
from tests.support.s3_fixtures import NewBuckets
from tests.support.servers.server import S3Server, client

from tribolake.errors import ConfigurationError, ContractBroken
from tribolake.market.as_known_on import get_as_known_on
from tribolake.market.market_lake import MarketLake
from tribolake.market.product import MARKET
from tribolake.market.sample import Traded, after_close, as_bytes, chart_of, key_of, random_walk
from tribolake.run.pipeline import run
from tribolake.settings import Settings

SPLIT, PAID = date(2023, 3, 1), date(2023, 2, 8)
SHARE = random_walk("NVDA", 80, splits={SPLIT: 10.0}, dividends={PAID: 0.8, date(2023, 3, 20): 0.1})
Response = tuple[str, bytes]
Tribolake = Callable[..., subprocess.CompletedProcess[str]]


def response(end: int, since: int = 0, traded: Traded = SHARE) -> Response:
    """Return the response of the evening of a session, by its number; each asks back to another one."""
    day = traded.days[end]
    return key_of(traded.symbol, after_close(day)), as_bytes(chart_of(traded, day, traded.days[since]))


def put(settings: Settings, *responses: Response) -> None:
    for key, content in responses:
        path = settings.lake / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def lake_with(*responses: Response) -> Settings:
    settings = written(Path(tempfile.mkdtemp()))
    put(settings, *responses)
    return settings


@cache
def models() -> dict[str, str]:
    return compiled_models(written(Path(tempfile.mkdtemp())))


@st.composite
def histories(draw: st.DrawFn) -> list[Response]:
    """Draw responses without gaps: what happens in a gap, no response names."""
    ends = [0, *sorted(draw(st.lists(st.integers(1, 79), min_size=2, max_size=4, unique=True)))]
    since = [0, *(draw(st.integers(0, before)) for before in ends[:-1])]
    return [response(end, first) for end, first in zip(ends, since, strict=True)]


def fetched_on(one: Response) -> date:
    return datetime.strptime(one[0].rpartition("/")[2], "%Y%m%d_%H%M%S.json").date()


def known(settings: Settings, day: date, **asked: Any) -> dict[str, Any]:
    return get_as_known_on(settings, "indicators", "NVDA", day, **asked)


@pytest.mark.slow
@cases(max_examples=4, suppress_health_check=[HealthCheck.too_slow])
@given(histories(), st.data())
def test_later_responses_change_no_bit_of_what_was_known(history: list[Response], data: st.DataObject):
    cut = data.draw(st.integers(1, len(history) - 1))
    settings = lake_with(*history[:cut])
    day = fetched_on(history[cut - 1]) + timedelta(days=data.draw(st.integers(0, 3)))
    if day >= fetched_on(history[cut]):
        day = fetched_on(history[cut - 1])
    before = known(settings, day)
    put(settings, *history[cut:])
    assert known(settings, day) == before
    assert before["session_date"] == fetched_on(history[cut - 1]).isoformat()
    # What was known stays known: the session is there on each later day, from the response that has it now.
    session = date.fromisoformat(before["session_date"])
    for later in history[cut:]:
        after = known(settings, fetched_on(later), session=session)
        assert {source["key"] for source in after["sources"]} <= {key for key, _ in history}
        assert after["values"].keys() == before["values"].keys() and after["session_date"] == before["session_date"]
        assert after["undefined"] == before["undefined"]


@pytest.mark.slow
@cases(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(histories(), st.randoms(use_true_random=False))
def test_lake_with_only_known_responses_computes_the_same_bits(history: list[Response], random: Any):
    """Its run is incremental, one response after the other in any order; as-known-on computes all at once."""
    cut = random.randrange(1, len(history) + 1)
    day = fetched_on(history[cut - 1])
    arrived = random.sample(history[:cut], cut)
    warehouse = SmallWarehouse(models(), written(Path(tempfile.mkdtemp())))
    for one in arrived:
        warehouse.deliver([one])
    expected = warehouse.indicators("NVDA").to_pylist()
    settings = lake_with(*history)
    for row in (expected[-1], random.choice(expected)):
        found = known(settings, day, session=row["session_date"])
        assert found["values"] == {name: row[name] for name in found["values"]}
        assert found["undefined"] == json.loads(row["undefined"] or "{}")


def test_split_is_known_from_the_day_it_is_named():
    """AAPL was split two for one on 2005-02-28. Its mean price of the day before was twice what it is now."""
    aapl, split = share("AAPL"), date(2005, 2, 28)
    ends = [aapl.days.index(split) - 1, aapl.days.index(split) + 3]
    settings = lake_with(*(response(end, aapl.days.index(date(2004, 1, 2)), aapl) for end in ends))
    session = aapl.days[ends[0]]
    before = get_as_known_on(settings, "indicators", "AAPL", session, session=session)["values"]
    after = get_as_known_on(settings, "indicators", "AAPL", aapl.days[ends[1]], session=session)["values"]
    assert before["sma_20"] == pytest.approx(2 * after["sma_20"], rel=1e-6)
    assert before["volume_sma_20"] == pytest.approx(after["volume_sma_20"] / 2, rel=1e-6)
    assert before["rsi_14"] == pytest.approx(after["rsi_14"], abs=1e-4) and before["rsi_14"] != 0
    # Until the next response is fetched, what is known stays as it was.
    assert get_as_known_on(settings, "indicators", "AAPL", aapl.days[ends[0] + 1])["values"] == before


def test_sources_are_the_responses_that_were_fetched_by_then():
    settings = lake_with(response(20), response(40), response(60, 30))
    for day, ends in ((SHARE.days[25], [20]), (SHARE.days[40], [40]), (SHARE.days[79], [40, 60])):
        found = known(settings, day)
        assert [source["key"] for source in found["sources"]] == [
            key_of("NVDA", after_close(SHARE.days[n])) for n in ends
        ]
        assert sum(source["sessions"] for source in found["sources"]) == ends[-1] + 1
    before = known(settings, SHARE.days[79], session=SHARE.days[29])
    # The last response names the split and the dividends after that session, and has no bar of before it.
    assert [source["sessions"] for source in before["sources"]] == [30, 0]


@pytest.mark.parametrize(
    ("kind", "day", "asked", "said"),
    [
        ("indicators", date(2999, 1, 1), {}, "has not come"),
        ("indicators", date(2023, 1, 3), {}, "nothing of NVDA was known"),
        ("indicators", date(2023, 3, 1), {"session": date(2023, 3, 4)}, "the last session was"),
        ("indicators", date(2023, 3, 1), {"session": SHARE.days[60]}, "the last session was"),
        ("indicators", date(2023, 3, 1), {"computation_version": "2.0"}, "1.0 or reference"),
        ("features", date(2023, 3, 1), {"computation_version": "reference"}, "choose 1.0"),
        ("prices", date(2023, 3, 1), {}, "not one of"),
    ],
)
def test_what_was_not_known_is_said(kind: str, day: date, asked: dict[str, Any], said: str):
    with pytest.raises(ConfigurationError, match=said):
        get_as_known_on(lake_with(response(20)), kind, "NVDA", day, **asked)


def test_command_shows_what_was_known(tmp_path: Path, tribolake: Tribolake):
    settings = written(tmp_path)
    put(settings, response(20), response(60))
    words = "market", "get", "indicators", "nvda", "--as-known-on", SHARE.days[30].isoformat(), "--lake", str(tmp_path)
    ended = tribolake(*words, "--json")
    assert json.loads(ended.stdout) == known(settings, SHARE.days[30])


@pytest.mark.slow
def test_command_shows_a_table_and_refuses_two_answers(tmp_path: Path, tribolake: Tribolake):
    settings = written(tmp_path)
    put(settings, response(20))
    words = "market", "get", "indicators", "nvda", "--as-known-on", SHARE.days[30].isoformat(), "--lake", str(tmp_path)
    assert f"as known on {SHARE.days[30]}" in tribolake(*words).stdout
    assert tribolake(*words, "--date", "2025-01-15").returncode == 2


@pytest.fixture
def in_bucket(tmp_path: Path, moto: S3Server, bucket: NewBuckets, monkeypatch: pytest.MonkeyPatch) -> InBucket:
    for name, value in moto.environment.items():
        monkeypatch.setenv(name, value)
    return InBucket(moto, bucket(moto).lake, tmp_path)


@pytest.fixture(params=["folder", "moto"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> LakeHome:
    return InFolder(tmp_path) if request.param == "folder" else request.getfixturevalue("in_bucket")


def test_first_version_of_a_raw_object_counts(in_bucket: InBucket, moto: S3Server):
    """Raw objects are written once. What another program writes over one was not known then."""
    key, content = response(20)
    in_bucket.put(key, content)
    settings = MARKET.of(in_bucket.settings())
    before = known(settings, SHARE.days[20])
    client(moto).put_object(Bucket=in_bucket.bucket, Key=key, Body=response(10)[1])
    assert known(settings, SHARE.days[20]) == before
    assert before["sources"][0]["version_id"]


@pytest.mark.slow
def test_values_are_those_that_were_stored_that_day(home: LakeHome):
    """Bit for bit, of all kinds, also after a split and a dividend became known. Then a raw object is gone."""
    first, second = date(2024, 2, 28), date(2024, 3, 1)
    shares = (
        random_walk("NVDA", 320, splits={second: 4.0}, dividends={date(2024, 2, 29): 0.5, PAID: 0.3}),
        random_walk("^GSPC", 320, seed=2),
    )
    settings, stored = MARKET.of(home.settings()), {}
    for day in (first, second):
        for one in shares:
            home.put(key_of(one.symbol, after_close(day)), as_bytes(chart_of(one, day)))
        run(MARKET, settings)
        for kind in ("indicators", "percentiles", "features"):
            stored[kind, day] = MarketLake(settings).get(kind, "NVDA")
    for (kind, day), body in stored.items():
        found = get_as_known_on(settings, kind, "NVDA", day)
        assert body is not None
        for name in ("values", "undefined", "sources", "session_date", "computation_version", "ticker", "code"):
            assert found[name] == body[name], (kind, day, name)
    assert stored["indicators", first] != stored["indicators", second]

    if isinstance(home, InFolder):
        key = key_of("NVDA", after_close(first))
        (home.folder / key).unlink()
        with pytest.raises(ContractBroken, match=f"{key} is gone"):
            known(settings, second)
        home.put(key, b"{}")
        with pytest.raises(ContractBroken, match="other bytes"):
            known(settings, first)


@pytest.mark.slow
def test_features_compare_with_what_was_published_of_a_held_benchmark(tmp_path: Path):
    """Its second response is in another currency. Features have its sessions of before, on that day and on the next."""
    days = [date(2024, 2, 27), date(2024, 2, 28), date(2024, 2, 29)]
    shares, settings = (random_walk("NVDA", 320), random_walk("^GSPC", 320, seed=2)), written(tmp_path)
    stored = {}
    for day in days:
        for one in shares:
            chart = chart_of(one, day)
            if day > days[0] and one.symbol == "^GSPC":
                chart["chart"]["result"][0]["meta"]["currency"] = "GBp"
            if one.symbol == "NVDA" or day < days[2]:
                put(settings, (key_of(one.symbol, after_close(day)), as_bytes(chart)))
        assert run(MARKET, settings).needs_a_look == (day > days[0])
        stored[day] = MarketLake(settings).get("features", "NVDA")
    for day, body in stored.items():
        found = get_as_known_on(settings, "features", "NVDA", day)
        assert body and {name: found[name] for name in ("values", "undefined", "session_date")} == {
            name: body[name] for name in ("values", "undefined", "session_date")
        }, day
    assert stored[days[0]]["values"]["beta_90"] is not None


def test_time_of_the_day_does_not_matter_to_its_end():
    late = key_of("NVDA", datetime.combine(SHARE.days[20], datetime.max.time(), UTC))
    settings = lake_with((late, response(20)[1]))
    assert known(settings, SHARE.days[20])["session_date"] == SHARE.days[20].isoformat()
    with pytest.raises(ConfigurationError, match="nothing"):
        known(settings, SHARE.days[19])
