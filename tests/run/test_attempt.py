"""Test the record of attempts, which `tribolake status` shows without the warehouse."""

from __future__ import annotations

import os
import tempfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tribolake.errors import ConfigurationError, LakeIsBusy, RunFailed, explain
from tribolake.oil.health import state_of
from tribolake.run.attempt import read_attempt as read
from tribolake.run.attempt import record_attempt
from tribolake.run.report import ClientReport, RunReport
from tribolake.settings import Settings, load_settings

FULL = "no space left: free some"


def report_of(**clients: str | None) -> RunReport:
    """A report in which clients have these problems."""
    done = {
        client: ClientReport(samples=1, published=not problem, problem=problem) for client, problem in clients.items()
    }
    return RunReport("run-1", "default", "es", reasons=["1 new files"], clients=done)


@pytest.fixture
def lake(settings: Settings) -> Settings:
    settings.state.mkdir(parents=True)
    return settings


def attempt(lake: Settings, report: RunReport | None = None, error: BaseException | None = None) -> None:
    with record_attempt(lake) as started:
        started.report = report
        if error:
            raise error


def test_client_stays_held_back_since_its_first_problem(lake: Settings):
    attempt(lake, report_of(cda="data test x failed", emin=None))
    first = read(lake)
    assert (first["exit_code"], first["held_back"].keys()) == (4, {"cda"})
    assert first["held_back"]["cda"]["since"] == first["begun_at"]
    attempt(lake, report_of(cda="data test y failed", emin=None))
    assert read(lake)["held_back"]["cda"] == first["held_back"]["cda"] | {"problem": "data test y failed"}
    attempt(lake, report_of(emin=None))  # only the other client
    assert read(lake)["held_back"].keys() == {"cda"}
    attempt(lake, report_of(cda=None))
    assert (read(lake)["exit_code"], read(lake)["held_back"]) == (0, {})


@pytest.mark.parametrize(
    ("error", "code"), [(RunFailed(FULL), 1), (OSError(FULL), 1), (ConfigurationError(FULL), 2), (ValueError(FULL), 1)]
)
def test_failed_attempt_keeps_reason_and_first_failure(lake: Settings, error: Exception, code: int):
    attempt(lake, report_of(cda="held"))
    since = read(lake)["held_back"]["cda"]["since"]
    begun = []
    for _ in range(2):
        with pytest.raises(type(error)):
            attempt(lake, None, error)
        begun.append(read(lake)["begun_at"])
    found = read(lake)
    assert (found["exit_code"], found["problem"], found["failing_since"]) == (code, explain(error), begun[0])
    assert found["held_back"]["cda"]["since"] == since
    attempt(lake, report_of(cda=None))
    assert read(lake)["failing_since"] is None


def test_interrupted_attempt_says_that_nothing_is_lost(lake: Settings):
    with pytest.raises(KeyboardInterrupt):
        attempt(lake, None, KeyboardInterrupt())
    assert (read(lake)["exit_code"], "nothing is lost" in read(lake)["problem"]) == (130, True)


def test_run_on_a_busy_lake_records_no_attempt(lake: Settings):
    attempt(lake, report_of(cda=None))
    before = read(lake)
    with pytest.raises(LakeIsBusy):
        attempt(lake, None, LakeIsBusy("another run holds it"))
    assert read(lake) == before


def test_attempt_is_running_until_its_process_is_gone(lake: Settings):
    """After a restart of the machine or its container another process has the number, and the run seemed to go on."""
    attempt(lake, report_of(cda=None))
    with record_attempt(lake):
        running = read(lake)
        assert (state_of(running), running["last"]["exit_code"]) == ("running", 0)
        for other in ({"pid": 2**22}, {"started": "1"}, {"space": "an earlier boot"}):
            assert state_of(running | other) == "stopped", other
        assert state_of(running | {"host": "another", "space": "its own"}) == "running"
    of_earlier_release = {name: value for name, value in running.items() if name not in ("space", "started")}
    assert state_of(of_earlier_release) == "running"
    assert state_of(of_earlier_release | {"pid": 2**31 - 1}) == "stopped"


@pytest.mark.parametrize(
    "damage",
    [
        *(b"", b"{", b"[]", b"\xff", b"[" * 100_000),
        *(b'{"held_back": []}', b'{"held_back": {"cda": 1}}', b'{"begun_at": 5}', b'{"ended_at": "soon"}'),
        *(b'{"last": {"exit_code": "x"}}', b'{"ledger": [[1]]}', b'{"a": {"b": 1}}', b'{"seal": "x"}'),
    ],
)
def test_damaged_record_counts_as_none(lake: Settings, damage: bytes):
    (lake.state / "attempt.json").write_bytes(damage)
    assert read(lake) == {}
    attempt(lake, report_of(cda=None))
    assert read(lake)["exit_code"] == 0


@given(st.data())
def test_altered_record_counts_as_none(data: st.DataObject):
    with tempfile.TemporaryDirectory() as folder:
        lake = load_settings(lake=folder)
        lake.state.mkdir()
        attempt(lake, report_of(cda="held ñ\udcff"))
        record = (lake.state / "attempt.json").read_bytes()
        at = data.draw(st.integers(0, len(record) - 1))
        altered = record[:at] + data.draw(st.binary(max_size=3)) + record[at + 1 :]
        (lake.state / "attempt.json").write_bytes(altered)
        assert read(lake) == {} or altered == record


def test_pipe_in_place_of_a_record_counts_as_none(lake: Settings):
    os.mkfifo(lake.state / "attempt.json")
    assert read(lake) == {}
    attempt(lake, report_of(cda=None))
    assert read(lake)["exit_code"] == 0


def test_full_disk_does_not_end_an_attempt(lake: Settings, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tribolake.run.attempt.write_even_if_full", full)
    attempt(lake, report_of(cda=None))
