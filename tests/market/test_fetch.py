"""Responses are staged byte for byte as Yahoo served them, and nothing else is."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.market.yahoo_server import Yahoo, yahoo_server
from tests.support.lake_homes import InBucket, InFolder, LakeHome
from tests.support.s3_fixtures import NewBuckets
from tests.support.servers.server import S3Server, client
from typer.testing import CliRunner

from tribolake.cli.market import app
from tribolake.errors import ConfigurationError
from tribolake.market.fetch import PAUSES, fetch
from tribolake.market.imports import import_files
from tribolake.market.keys import YFINANCE, RawKey, parse_key
from tribolake.market.product import MARKET
from tribolake.market.responses import MOST_BYTES
from tribolake.market.sample import as_bytes, chart_of, random_walk
from tribolake.market.staging import stage
from tribolake.settings import Settings

TODAY = date(2024, 3, 1)
Tribolake = Callable[..., subprocess.CompletedProcess[str]]
GONE = {"code": "Not Found", "description": "No data found, symbol may be delisted"}


@pytest.fixture(scope="module")
def served() -> Iterator[Yahoo]:
    with yahoo_server() as yahoo:
        yield yahoo


@pytest.fixture
def yahoo(served: Yahoo) -> Yahoo:
    served.asked.clear()
    served.replies.clear()
    return served


@pytest.fixture(params=["folder", "moto"])
def home(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bucket: NewBuckets):
    if request.param == "folder":
        return InFolder(tmp_path / "lake")
    moto: S3Server = request.getfixturevalue("moto")
    for name, value in moto.environment.items():
        monkeypatch.setenv(name, value)
    return InBucket(moto, bucket(moto).lake, tmp_path)


def settings_of(home: LakeHome, yahoo: Yahoo | None = None) -> Settings:
    settings = MARKET.of(home.settings()).changed(market_pause_seconds=0)
    return settings.changed(market_endpoint=yahoo.address) if yahoo else settings


def chart(symbol: str, sessions: int = 40) -> bytes:
    # As Yahoo writes it: spaces and exponents would not survive being written again.
    return as_bytes(chart_of(random_walk(symbol, sessions), TODAY)).replace(b'"currency":', b'"currency" :  ')


def always(status: int, body: bytes) -> Callable[[dict[str, str]], tuple[int, bytes]]:
    return lambda _: (status, body)


def test_response_is_staged_as_it_was_served(home: LakeHome, yahoo: Yahoo):
    yahoo.replies = {"NVDA": always(200, chart("NVDA")), "^GSPC": always(200, chart("^GSPC", 50))}
    before = datetime.now(UTC).replace(microsecond=0)
    outcomes = fetch(settings_of(home, yahoo), ["NVDA", "^GSPC"])
    assert [one.outcome for one in outcomes] == ["staged", "staged"]
    # The answer to the question for the time zone has no object.
    assert home.keys("raw/") == sorted(str(one.key) for one in outcomes)
    for one, ticker in zip(outcomes, ("NVDA", "_5EGSPC"), strict=True):
        key = parse_key(one.key or "")
        assert key and (key.source, key.ticker) == (YFINANCE, ticker)
        assert before <= key.fetched_at <= datetime.now(UTC)
        assert home.read(one.key or "") == chart(one.symbol, 40 if ticker == "NVDA" else 50)


def test_staged_object_has_tags_and_metadata(
    tmp_path: Path, moto: S3Server, bucket: NewBuckets, monkeypatch: pytest.MonkeyPatch, yahoo: Yahoo
):
    for name, value in moto.environment.items():
        monkeypatch.setenv(name, value)
    home = InBucket(moto, bucket(moto).lake, tmp_path)
    yahoo.replies = {"^GSPC": always(200, chart("^GSPC"))}
    (one,) = fetch(settings_of(home, yahoo), ["^GSPC"], date(2024, 1, 2))
    head = client(moto).head_object(Bucket=home.bucket, Key=one.key)
    assert head["VersionId"] == one.version_id
    found = head["Metadata"]
    assert found["ticker"] == "^GSPC" and found["source"] == "yfinance"
    assert found["data_classification"] == "public-api-data"
    assert datetime.fromisoformat(found["fetched_at"]).tzinfo and len(found["sha256"]) == 64
    request = json.loads(found["request"])
    assert request["interval"] == "1d" and "splits" in request["events"] and "crumb" not in request
    assert int(request["period1"]) < int(request["period2"])
    tags = client(moto).get_object_tagging(Bucket=home.bucket, Key=one.key)["TagSet"]
    key = parse_key(one.key or "")
    assert key
    assert {tag["Key"]: tag["Value"] for tag in tags} == {
        "source": "yfinance", "ticker": "_5EGSPC", "fetched_at": f"{key.fetched_at:%Y-%m-%d}",
    }  # fmt: skip


def test_range_ends_now_wherever_it_begins(tmp_path: Path, yahoo: Yahoo):
    """yfinance answers past ranges from its memory, without asking."""
    settings = settings_of(InFolder(tmp_path), yahoo)
    yahoo.replies = {"PAST": always(200, chart("PAST"))}
    for since in (None, date(2024, 1, 2)):
        fetch(settings, ["PAST"], since)
        period = yahoo.asked[-1][1]
        assert abs(int(period["period2"]) - datetime.now(UTC).timestamp()) < 60
    # Half past midnight of the day in New York.
    assert datetime.fromtimestamp(int(period["period1"]), UTC) == datetime(2024, 1, 2, 5, tzinfo=UTC)


def test_same_bytes_are_not_stored_again(home: LakeHome, yahoo: Yahoo):
    settings, replies = settings_of(home, yahoo), [chart("NVDA"), chart("NVDA"), chart("NVDA", 41), chart("NVDA")]
    yahoo.replies = {"NVDA": lambda asked: (200, replies[0])}
    outcomes = []
    while replies:
        outcomes += fetch(settings, ["NVDA"])
        replies.pop(0)
    assert [one.outcome for one in outcomes] == ["staged", "unchanged", "staged", "staged"]
    assert outcomes[1].key == outcomes[0].key and len(home.keys("raw/")) == 3
    record = [json.loads(line) for line in (settings.state / "fetches.jsonl").read_text().splitlines()]
    assert [line["outcome"] for line in record] == [one.outcome for one in outcomes]


def test_second_object_of_a_second_gets_a_number(home: LakeHome):
    key = RawKey(YFINANCE, "NVDA", datetime(2025, 1, 15, 12, tzinfo=UTC))
    keys = [stage(settings_of(home), key, content, {}).key for content in (b"1", b"2", b"3")]
    names = ["20250115_120000.json", "20250115_120000_2.json", "20250115_120000_3.json"]
    assert keys == [f"raw/yfinance/NVDA/2025-01-15/{name}" for name in names]
    assert [home.read(name) for name in keys] == [b"1", b"2", b"3"]


def test_response_before_a_later_one_is_told(home: LakeHome, yahoo: Yahoo):
    """After a clock that was ahead, what was fetched then counts before all that is fetched until that time."""
    settings = settings_of(home, yahoo)
    yahoo.replies = {"NVDA": always(200, chart("NVDA"))}
    ahead = RawKey(YFINANCE, "NVDA", datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1))
    stage(settings, ahead, b"{}", {})
    (fetched,) = fetch(settings, ["NVDA"])
    assert (fetched.outcome, fetched.is_well) == ("staged", False)
    assert f"{ahead} has a later time" in str(fetched.problem) and "check the clock" in str(fetched.problem)


def test_root_puts_raw_below_a_folder(tmp_path: Path):
    home = InFolder(tmp_path)
    settings = settings_of(home).changed(market_root="data-lake")
    staged = stage(settings, RawKey(YFINANCE, "NVDA", datetime(2025, 1, 15, tzinfo=UTC)), b"1", {})
    assert staged.key.startswith("data-lake/raw/yfinance/NVDA/") and home.read(staged.key) == b"1"


@pytest.mark.parametrize(
    ("status", "body", "outcome", "words"),
    [
        (404, json.dumps({"chart": {"result": None, "error": GONE}}).encode(), "nothing", "may be delisted"),
        (200, b'{"chart":{"result":[{"meta":{}}],"error":null}}', "nothing", "market is closed"),
        (200, b'{"chart":{"result":[],"error":null}}', "nothing", "no bars"),
        (200, b"<html>Will be right back", "failed", "not a chart"),
        (401, b'{"finance":{"error":{"code":"Unauthorized","description":"Invalid Crumb"}}}', "failed", "401"),
        (500, b'{"chart":{"result":null,"error":"boom"}}', "failed", "500"),
        (403, b'{"chart":{"result":null,"error":null}}', "failed", "403"),
        (503, b"", "failed", "503"),
    ],
)
def test_answer_that_is_no_chart_is_told_apart(
    tmp_path: Path, yahoo: Yahoo, status: int, body: bytes, outcome: str, words: str
):
    home = InFolder(tmp_path)
    yahoo.replies = {"NVDA": always(status, body), "AMD": always(200, chart("AMD"))}
    bad, good = fetch(settings_of(home, yahoo), ["NVDA", "AMD"])
    assert bad.outcome == outcome and words in (bad.problem or "")
    assert good.outcome == "staged" and home.keys("raw/") == [good.key]


def test_words_of_yahoo_are_short_and_on_one_line(tmp_path: Path, yahoo: Yahoo):
    error = {"code": "\x1b[2J", "description": "no\n" + "x" * 1_000_000}
    yahoo.replies = {"NVDA": always(404, json.dumps({"chart": {"result": None, "error": error}}).encode())}
    (one,) = fetch(settings_of(InFolder(tmp_path), yahoo), ["NVDA"])
    assert one.problem and len(one.problem) <= 300 and one.problem.isprintable()


def test_answer_that_is_too_long_is_not_staged(tmp_path: Path, yahoo: Yahoo):
    home = InFolder(tmp_path)
    yahoo.replies = {"NVDA": lambda asked: (200, chart("NVDA") + b" " * (0 if "range" in asked else MOST_BYTES))}
    (one,) = fetch(settings_of(home, yahoo), ["NVDA"])
    assert one.outcome == "failed" and "file size" in (one.problem or "") and home.keys("raw") == []


def test_last_response_that_is_archived_is_compared(
    tmp_path: Path, moto: S3Server, bucket: NewBuckets, monkeypatch: pytest.MonkeyPatch
):
    """After 90 days without a fetch, the last response cannot be read. The ticker can be fetched."""
    for name, value in moto.environment.items():
        monkeypatch.setenv(name, value)
    home = InBucket(moto, bucket(moto).lake, tmp_path)
    settings, at = settings_of(home), datetime(2025, 1, 15, 12, tzinfo=UTC)
    first = stage(settings, RawKey(YFINANCE, "NVDA", at), b"1", {})
    source = {"Bucket": home.bucket, "Key": first.key}
    client(moto).copy_object(**source, CopySource=source, StorageClass="GLACIER", MetadataDirective="COPY")
    assert not stage(settings, RawKey(YFINANCE, "NVDA", at + timedelta(days=99)), b"1", {}).is_new
    assert stage(settings, RawKey(YFINANCE, "NVDA", at + timedelta(days=99)), b"2", {}).is_new


def test_rate_limit_ends_the_command_after_growing_pauses(tmp_path: Path, yahoo: Yahoo):
    home, waited = InFolder(tmp_path), []
    yahoo.replies = {"AMD": always(200, chart("AMD")), "NVDA": always(429, b"Too Many Requests")}
    settings = settings_of(home, yahoo).changed(market_pause_seconds=2)
    outcomes = fetch(settings, ["AMD", "NVDA", "MSFT"], sleep=waited.append)
    assert [one.outcome for one in outcomes] == ["staged", "refused", "refused"]
    assert waited == [2, *(2 * pause for pause in PAUSES)]
    assert "MSFT" not in {symbol for symbol, _ in yahoo.asked}


def test_yahoo_that_cannot_be_reached_fails_the_symbol(tmp_path: Path):
    settings = settings_of(InFolder(tmp_path)).changed(market_endpoint="http://127.0.0.1:9")
    (one,) = fetch(settings, ["FAR"])
    assert one.outcome == "failed" and one.problem


def test_no_cookie_or_crumb_is_kept(tmp_path: Path, yahoo: Yahoo, tribolake: Tribolake):
    """yfinance keeps cookies of Yahoo's names, once a process: the server stands for them as a proxy."""
    yahoo.replies = {"NVDA": always(200, chart("NVDA"))}
    addresses = {"http_proxy": yahoo.address, "TRIBOLAKE_MARKET_ENDPOINT": "http://query2.finance.yahoo.com"}
    assert tribolake("market", "fetch", "NVDA", "--lake", str(tmp_path), **addresses).returncode == 0
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.suffix == ".json" for path in kept)
    assert not [path for path in kept if b"of-a-secret" in path.read_bytes()]


def test_symbols_are_read_from_an_object_of_the_lake(
    yahoo: Yahoo, moto: S3Server, bucket: NewBuckets, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    for name, value in moto.environment.items():
        monkeypatch.setenv(name, value)
    lake = bucket(moto).lake
    listed = {"symbols.txt": b"\xef\xbb\xbfNVDA\n\n# shares\n^gspc # an index\n", "long.txt": b"#" * 1_000_001}
    for key, content in (listed | {"broken.txt": b"\xff"}).items():
        client(moto).put_object(Bucket=lake, Key=f"market/{key}", Body=content)
    home = InBucket(moto, lake, tmp_path)
    monkeypatch.setenv("TRIBOLAKE_MARKET_ENDPOINT", yahoo.address)
    monkeypatch.setenv("TRIBOLAKE_MARKET_PAUSE_SECONDS", "0")
    monkeypatch.setenv("TRIBOLAKE_STATE_DIR", str(tmp_path / "state"))
    yahoo.replies = {"NVDA": always(200, chart("NVDA")), "^GSPC": always(200, chart("^GSPC"))}

    def fetched(file: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["fetch", "--quiet", "--lake", f"s3://{lake}", "--file", file])
        return done.exit_code, done.stderr

    assert fetched(f"s3://{lake}/market/symbols.txt") == (0, "")
    assert [one.rpartition("yfinance/")[2].split("/")[0] for one in home.keys("raw/")] == ["NVDA", "_5EGSPC"]
    for name, words in (
        (f"s3://{lake}/market/none.txt", "there is no object"),
        ("s3://other/market/symbols.txt", "is not in the lake"),
        (f"s3://{lake}/market/long.txt", "cannot be read"),
        (f"s3://{lake}/market/broken.txt", "cannot be read"),
        (str(tmp_path), "cannot be read"),
    ):
        code, said = fetched(name)
        assert code == 2 and words in " ".join(said.split()), (name, said)


def test_import_stages_files_as_they_are(home: LakeHome, tmp_path: Path):
    file, settings = tmp_path / "old.json", settings_of(home)
    file.write_bytes(chart("M&M.NS"))
    at = datetime(2024, 3, 1, 22, tzinfo=UTC)
    (staged,) = import_files(settings, [file], None, at)
    assert staged.key == "raw/import/M_26M.NS/2024-03-01/20240301_220000.json"
    assert home.read(staged.key) == file.read_bytes()
    assert not import_files(settings, [file], None, at)[0].is_new


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.txt", b"", "not one of"),
        ("a.json", b"{}", "--ticker"),
        ("none.json", None, "cannot be read"),
        ("folder.json", Path(), "cannot be read"),
        ("device.json", Path("/dev/zero"), "has more than 16,777,216 bytes"),
    ],
)
def test_file_that_cannot_be_imported_stages_nothing(
    tmp_path: Path, name: str, content: bytes | Path | None, words: str
):
    home, good = InFolder(tmp_path / "lake"), tmp_path / "good.json"
    good.write_bytes(chart("NVDA"))
    if isinstance(content, Path):
        (tmp_path / name).symlink_to(content)
    elif content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigurationError, match=words):
        import_files(settings_of(home), [good, tmp_path / name], None, datetime(2024, 3, 1, 22, tzinfo=UTC))
    assert home.keys("raw") == []


@pytest.mark.parametrize(
    ("meta", "fetched", "words"),
    [
        ({"regularMarketTime": 0}, 0, None),
        ({"regularMarketTime": -13}, None, None),  # not traded since, or the market was closed
        ({"regularMarketTime": -400, "currentTradingPeriod": {"regular": {"start": 1}}}, None, None),  # suspended
        ({"regularMarketTime": -15}, None, "was served about .* --fetched-at"),
        ({"currentTradingPeriod": {"regular": {"start": -15}}}, None, "was served about"),
        ({"regularMarketTime": -15}, -15, None),
        ({"regularMarketTime": -15}, -16, "was not fetched at"),
        ({"currentTradingPeriod": {"regular": {"start": -15}}}, -16, None),  # a session that had not begun
        ({"regularMarketTime": "x", "currentTradingPeriod": []}, None, None),
        ({"regularMarketTime": 10**30, "currentTradingPeriod": {"regular": {"start": None}}}, None, None),
    ],
)
def test_chart_counts_as_fetched_when_it_can_have_been(
    tmp_path: Path, meta: dict[str, Any], fetched: int | None, words: str | None
):
    """Numbers are days from now. An older chart that counts as the last one would undo later splits."""
    now = datetime.now(UTC).replace(microsecond=0)

    def moved(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: moved(inner) for name, inner in value.items()}
        is_day = isinstance(value, int) and abs(value) < 10**6
        return int((now + timedelta(days=value)).timestamp()) if is_day else value

    home, file = InFolder(tmp_path / "lake"), tmp_path / "a.json"
    file.write_text(json.dumps({"chart": {"result": [{"meta": {"symbol": "NVDA"} | moved(meta)}]}}))
    at = None if fetched is None else now + timedelta(days=fetched)
    if words is None:
        assert import_files(settings_of(home), [file], None, at)[0].is_new
        return
    with pytest.raises(ConfigurationError, match=words):
        import_files(settings_of(home), [file], None, at)
    assert home.keys("raw") == []
