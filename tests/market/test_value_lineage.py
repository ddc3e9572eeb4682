"""A published value leads down to the numbers in the bytes, and these alone give the value again."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import shutil
import subprocess
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.market import plain_loops
from tests.market.real_bars import share
from tests.market.small_warehouse import written
from tests.support.lake_homes import InBucket
from tests.support.s3_fixtures import NewBuckets
from tests.support.servers.server import S3Server, client

from tribolake.errors import ConfigurationError
from tribolake.market.formulas import PRICES
from tribolake.market.indicators import Bars, Computation, compute_indicators
from tribolake.market.keys import IMPORT, RawKey
from tribolake.market.object_lineage import ObjectOrigin, RawUses, lineage_of_object
from tribolake.market.processed import KINDS
from tribolake.market.product import MARKET
from tribolake.market.sample import after_close, as_bytes, chart_of, key_of
from tribolake.market.traced_values import ValueLineage
from tribolake.market.value_lineage import lineage_of_value
from tribolake.run.pipeline import run
from tribolake.settings import Settings

# AAPL as it was traded. It was split two for one on 2005-02-28, between the two responses.
AAPL, SINCE, SPLIT = share("AAPL"), date(2004, 1, 2), date(2005, 2, 28)
BEFORE, AFTER = date(2005, 2, 25), date(2005, 3, 31)
FIRST, SECOND = (key_of("AAPL", after_close(day)) for day in (BEFORE, AFTER))
UNUSED = key_of("AAPL", after_close(date(2004, 6, 1)))
IBM = str(RawKey(IMPORT, "IBM", after_close(AFTER), suffix="csv"))
Tribolake = Callable[..., subprocess.CompletedProcess[str]]


def ibm_as_csv() -> bytes:
    ibm, text = share("IBM"), io.StringIO()
    table = csv.writer(text)
    table.writerow(["Date", "Open", "High", "Low", "Close", "Volume"])
    columns = (ibm.days, ibm.open, ibm.high, ibm.low, ibm.close, ibm.volume)
    table.writerows(row for row in zip(*columns, strict=True) if SINCE <= row[0] <= BEFORE)
    return text.getvalue().encode()


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A lake with a run. The second response of AAPL reaches back a month only: the first one has the rest."""
    settings = written(tmp_path_factory.mktemp("lake"))
    responses = {
        UNUSED: as_bytes(chart_of(AAPL, date(2004, 6, 1), SINCE)),
        FIRST: as_bytes(chart_of(AAPL, BEFORE, SINCE)),
        SECOND: as_bytes(chart_of(AAPL, AFTER, BEFORE - timedelta(days=10))),
        IBM: ibm_as_csv(),
    }
    for key, content in responses.items():
        (settings.lake / key).parent.mkdir(parents=True, exist_ok=True)
        (settings.lake / key).write_bytes(content)
    run(MARKET, settings)
    return settings


@pytest.fixture
def copied(published: Settings, tmp_path: Path) -> Settings:
    """A copy of the lake, to be damaged."""
    return written(shutil.copytree(published.lake, tmp_path / "lake", symlinks=True))


def at(content: bytes, pointer: str) -> Any:
    """Resolve a JSON pointer in a few lines that know nothing of the product."""
    found = json.loads(content)
    for part in pointer.split("/")[1:]:
        found = found[int(part)] if isinstance(found, list) else found[part]
    return found


def numbers_in_bytes(settings: Settings, found: ValueLineage) -> dict[str, list[float]]:
    """Collect the numbers at the pointers, adjusted by the splits at theirs, by price."""
    read: dict[str, list[float]] = {}
    contents = {raw.key: (settings.lake / raw.key).read_bytes() for raw in found.objects}
    for raw in found.objects:
        assert hashlib.sha256(contents[raw.key]).hexdigest() == raw.sha256
    for one in found.inputs:
        number = at(contents[one.key], str(one.pointer))
        assert number == one.served == one.found and one.is_same
        divided = 1.0
        for split in found.splits:
            parts = at(contents[split.key], str(split.pointer))
            if split.is_counted and split.ex_date > one.session_date and split.key != one.key:
                divided *= parts["numerator"] / parts["denominator"]
        number = number * divided if one.price == "volume" else number / divided
        assert number == one.used
        read.setdefault(one.price, []).append(number)
    return read


RECOMPUTED: Mapping[str, Callable[[Mapping[str, list[float]]], float]] = {
    "sma_20": lambda read: plain_loops.sma(read["close"], 20)[-1],
    "rsi_14": lambda read: plain_loops.rsi_wilder(read["close"])[-1],
    "macd": lambda read: plain_loops.macd(read["close"])[0][-1],
    "volume_ratio": lambda read: read["volume"][-1] / (sum(read["volume"]) / 20),
    "vwap": lambda read: plain_loops.vwap(read["high"], read["low"], read["close"], read["volume"], 20, 20)[-1],
}


@pytest.mark.parametrize("name", RECOMPUTED)
def test_numbers_at_the_pointers_give_the_published_value(published: Settings, name: str):
    """They are all that the value depends on: plain loops compute it from them, and know nothing else."""
    found = lineage_of_value(published, "aapl", date(2005, 3, 3), name)
    assert not found.problems and found.recomputed == found.value
    read = numbers_in_bytes(published, found)
    assert RECOMPUTED[name](read) == pytest.approx(found.value, rel=1e-9)
    assert {one.key for one in found.inputs} == {FIRST, SECOND}
    assert [(split.ex_date, split.ratio, split.key) for split in found.splits] == [(SPLIT, 2.0, SECOND)]
    assert found.sessions == len({one.session_date for one in found.inputs})
    assert found.inputs[-1].session_date == date(2005, 3, 3) and found.run.run_id


def test_session_after_the_split_needs_no_split(published: Settings):
    found = lineage_of_value(published, "AAPL", date(2005, 3, 29), "bb_upper")
    assert not found.problems and found.splits == [] and {one.key for one in found.inputs} == {SECOND}


def test_other_version_has_other_formula_and_sessions(published: Settings):
    found = lineage_of_value(published, "AAPL", date(2005, 3, 3), "rsi_14", "reference")
    assert found.sessions == 15 and "plain means" in found.formula.text and not found.problems
    assert len(lineage_of_value(published, "AAPL", date(2005, 3, 3), "rsi_14").inputs) > 250
    ranges = lineage_of_value(published, "AAPL", date(2005, 3, 3), "atr_14", "reference").inputs
    counted = {price: sum(one.price == price for one in ranges) for price in PRICES}
    assert counted == {"open": 0, "high": 14, "low": 14, "close": 15, "volume": 0}


def test_undefined_value_says_why_and_has_its_inputs(published: Settings):
    found = lineage_of_value(published, "AAPL", SINCE + timedelta(days=10), "sma_20")
    assert found.value is None and found.undefined == "7 of 20 sessions" and len(found.inputs) == 7
    assert not found.problems


def test_table_has_rows_for_pointers(published: Settings):
    found = lineage_of_value(published, "IBM", BEFORE, "sma_20")
    assert not found.problems and {one.key for one in found.inputs} == {IBM}
    rows = list(csv.DictReader(io.StringIO((published.lake / IBM).read_text())))
    for one in found.inputs:
        number = int(str(one.pointer).removeprefix("row ").removesuffix(", column close"))
        assert rows[number - 1]["Date"] == str(one.session_date)
        assert float(rows[number - 1]["Close"]) == one.served == one.found


def test_response_without_a_bar_that_counts_is_no_input(copied: Settings):
    """Later responses have all its sessions again, so nothing depends on it, and it may be gone."""
    unused = lineage_of_object(copied, UNUSED)
    assert isinstance(unused, RawUses) and (unused.sessions, unused.objects) == (0, []) and unused.run_id
    (copied.lake / UNUSED).unlink()
    assert not lineage_of_value(copied, "AAPL", date(2005, 3, 29), "rsi_14").problems
    assert lineage_of_object(copied, UNUSED).problems == [f"{UNUSED} is gone"]


def test_byte_that_differs_is_found(copied: Settings):
    path = copied.lake / SECOND
    content = bytearray(path.read_bytes())
    content[content.rindex(b"}")] = ord(" ")
    path.write_bytes(content)
    found = lineage_of_value(copied, "AAPL", date(2005, 3, 3), "rsi_14")
    assert "has other bytes" in found.problems[0] and SECOND in found.problems[0] and found.recomputed is None
    good = {one.key for one in found.inputs if one.is_same}
    assert good == {FIRST} and not found.splits
    json.dumps(found.as_dict(), default=str)


def test_number_that_is_published_otherwise_is_found(published: Settings, monkeypatch: pytest.MonkeyPatch):
    """The code of today computes another value from the same bytes: that is told, not hidden."""
    from tribolake.market import computing  # noqa: PLC0415

    def shifted(bars: Bars, computation: Computation) -> dict[str, Any]:
        return {name: values + 1 for name, values in compute_indicators(bars, computation).items()}

    monkeypatch.setattr(computing, "compute_indicators", shifted)
    (problem,) = lineage_of_value(published, "AAPL", date(2005, 3, 3), "sma_50").problems
    assert "the code of now computes" in problem


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("AAPL", date(2005, 3, 5), "rsi_14"), "the nearest are 2005-03-04 and 2005-03-07"),
        (("MSFT", date(2005, 3, 4), "rsi_14"), "market status"),
        (("AAPL", date(2005, 3, 4), "rsi"), "choose one of sma_20"),
        (("AAPL", date(2005, 3, 4), "volume_sma_20_percentile"), "market status"),
        (("AAPL", date(2005, 3, 4), "return_1", "reference"), "choose 1.0"),
        (("AAPL", date(2005, 3, 5), "return_1"), "the nearest are 2005-03-04 and 2005-03-07"),
        (("AAPL", date(2005, 3, 5), "rsi_14_mean"), "the nearest are 2005-03-04 and 2005-03-07"),
        (("AAPL", date(2005, 3, 4), "rsi_14", "2.0"), "1.0 or reference"),
        (("../x", date(2005, 3, 4), "rsi_14"), "not a symbol"),
    ],
)
def test_value_that_is_not_published_is_said(published: Settings, asked: tuple[Any, ...], said: str):
    with pytest.raises(ConfigurationError, match=said):
        lineage_of_value(published, *asked)


def processed(settings: Settings, kind: str, ticker: str = "AAPL") -> str:
    (path,) = (settings.lake / "processed" / kind / ticker).rglob("*.json")
    return path.relative_to(settings.lake).as_posix()


@pytest.mark.parametrize("kind", KINDS)
def test_processed_object_leads_down_to_its_responses(published: Settings, kind: str):
    found = lineage_of_object(published, processed(published, kind))
    assert isinstance(found, ObjectOrigin) and not found.problems
    assert [(source.key, source.sha256) for source in found.sources] == [
        (key, hashlib.sha256((published.lake / key).read_bytes()).hexdigest()) for key in (FIRST, SECOND)
    ]
    assert found.is_same and not found.notes
    assert lineage_of_object(published, f"{published.lake}/{found.key}") == found


def test_processed_object_whose_values_were_changed_is_found(copied: Settings):
    key = processed(copied, "indicators")
    body = json.loads((copied.lake / key).read_text())
    body["values"]["rsi_14"] = np.nextafter(body["values"]["rsi_14"], 100)
    (copied.lake / key).write_text(json.dumps(body))
    found = lineage_of_object(copied, key)
    assert found.problems == ["its sources give other values than it has"]


def test_raw_object_leads_up_to_all_that_was_computed_from_it(published: Settings):
    found = lineage_of_object(published, SECOND)
    assert isinstance(found, RawUses) and not found.problems and found.run_id
    assert (found.first_session, found.last_session) == (date(2005, 2, 15), AFTER)
    assert sorted(one.key for one in found.objects) == sorted(processed(published, kind) for kind in KINDS)
    assert {one.sessions for one in found.objects} == {found.sessions}
    other = lineage_of_object(published, IBM)
    assert isinstance(other, RawUses)
    assert {one.key for one in other.objects} == {processed(published, kind, "IBM") for kind in KINDS}


@pytest.mark.parametrize(
    "key",
    ["raw/import/AAPL/2005-02-26/20050226_220000.json", "raw/import/../../etc/passwd", "gold/x", "/etc/passwd",
     "processed/indicators/AAPL/2005-02-26/20050226_220000.json", "x/" + SECOND, "a/\x1b[31m"],
)  # fmt: skip
def test_key_of_nothing_is_refused(published: Settings, key: str):
    with pytest.raises(ConfigurationError) as refused:
        lineage_of_object(published, key)
    assert "\x1b" not in str(refused.value)


def test_object_of_another_program_is_traced_as_far_as_it_says(copied: Settings):
    key = processed(copied, "indicators")
    body = json.loads((copied.lake / key).read_text())
    body["sources"] = [{"key": FIRST}, {"key": "../../etc/passwd"}, {"key": FIRST, "version_id": 7, "sha256": 8}]
    (copied.lake / key).write_text(json.dumps(body))
    found = lineage_of_object(copied, key)
    assert isinstance(found, ObjectOrigin) and found.is_same is None
    assert [bool(source.problem) for source in found.sources] == [False, True, True]


def test_command_ends_with_4_and_a_sentence_where_a_response_is_gone(copied: Settings, tribolake: Tribolake):
    (copied.lake / FIRST).unlink()
    words = "market", "lineage", "AAPL", "2005-03-03", "rsi_14", "--lake", str(copied.lake)
    ended = tribolake(*words, "--json")
    said = json.loads(ended.stdout)
    assert ended.returncode == 4 and said["problems"][0] == f"{FIRST} is gone"
    assert said["inputs"][-1]["is_same"] and said["inputs"][-1]["sha256"] and not said["inputs"][0]["is_same"]


@pytest.mark.slow
def test_command_shows_each_lineage(published: Settings, copied: Settings, tribolake: Tribolake):
    lake = "--lake", str(published.lake)
    shown = tribolake("market", "lineage", "AAPL", "2005-03-03", "rsi_14", *lake)
    assert shown.returncode == 0 and "to the last bit" in shown.stdout and "split of 2005-02-28" in shown.stdout
    assert "/chart/result/0/indicators/quote/0/close/" in shown.stdout
    assert "same bytes" in tribolake("market", "lineage", processed(published, "features"), *lake).stdout
    assert "processed/features/AAPL" in tribolake("market", "lineage", FIRST, *lake).stdout
    assert tribolake("market", "lineage", "AAPL", *lake).returncode == 2
    assert tribolake("market", "lineage", FIRST, "2005-03-03", *lake).returncode == 2
    (copied.lake / FIRST).write_bytes(b"{}")
    for what in (FIRST, processed(copied, "indicators")):
        ended = tribolake("market", "lineage", what, "--lake", str(copied.lake))
        assert ended.returncode == 4 and "has other bytes" in ended.stdout


@pytest.mark.slow
def test_version_that_was_used_is_compared_after_an_overwrite(
    tmp_path: Path, moto: S3Server, bucket: NewBuckets, monkeypatch: pytest.MonkeyPatch
):
    """In a bucket an object that another program wrote over keeps the version that was used."""
    for name, value in moto.environment.items():
        monkeypatch.setenv(name, value)
    home = InBucket(moto, bucket(moto).lake, tmp_path)
    home.put(FIRST, as_bytes(chart_of(AAPL, BEFORE, SINCE)))
    settings = MARKET.of(home.settings())
    run(MARKET, settings)
    s3, about = client(moto), {"Bucket": home.bucket, "Key": FIRST}
    used = s3.head_object(**about)["VersionId"]
    s3.put_object(**about, Body=b"{}")
    found = lineage_of_value(settings, "AAPL", BEFORE, "macd")
    assert not found.problems and [raw.version_id for raw in found.objects] == [used]
    assert found.as_dict()["inputs"][0]["version_id"] == used
    (key,) = home.keys("processed/indicators/")
    down = lineage_of_object(settings, f"s3://{home.bucket}/{key}")
    assert isinstance(down, ObjectOrigin) and down.is_same and down.sources[0].version_id == used
    up = lineage_of_object(settings, FIRST)
    assert isinstance(up, RawUses) and up.raw.version_id == used and len(up.objects) == len(KINDS)

    s3.delete_object(**about, VersionId=used)
    for found_now in (lineage_of_value(settings, "AAPL", BEFORE, "macd"), lineage_of_object(settings, key)):
        assert found_now.problems[0] == f"{FIRST} in version {used} is gone"


def test_archived_response_that_no_run_used_is_there(
    tmp_path: Path, moto: S3Server, bucket: NewBuckets, monkeypatch: pytest.MonkeyPatch
):
    for name, value in moto.environment.items():
        monkeypatch.setenv(name, value)
    home = InBucket(moto, bucket(moto).lake, tmp_path)
    content = as_bytes(chart_of(AAPL, BEFORE, SINCE))
    client(moto).put_object(Bucket=home.bucket, Key=FIRST, Body=content, StorageClass="GLACIER")
    settings = MARKET.of(home.settings())
    found = lineage_of_object(settings, FIRST)
    assert isinstance(found, RawUses) and found.run_id is None and not found.objects
    assert f"{FIRST} cannot be read" in found.problems[0] and "restore-object" in found.problems[0]
    with pytest.raises(ConfigurationError, match="there is no object"):
        lineage_of_object(settings, SECOND)
