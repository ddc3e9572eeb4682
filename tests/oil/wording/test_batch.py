"""Wordings by batch, against an endpoint with files and batches on a real socket."""

from __future__ import annotations

import dataclasses
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from tests.support.model_endpoints import (
    INPUT_TOKENS,
    KEY,
    OUTPUT_TOKENS,
    Lake,
    completion,
    failure,
    lake_of,
    pattern_of,
    reply_of,
)
from werkzeug import Request, Response

from tribolake.errors import ConfigurationError
from tribolake.oil.wording.batch import KEPT_DAYS, Collected, EndpointUnavailable, Submitted, collect, submit
from tribolake.oil.wording.batch_record import awaited_keys, open_records, save
from tribolake.oil.wording.model import most_tokens
from tribolake.oil.wording.prompt import messages
from tribolake.oil.wording.reasons import ModelUnusable
from tribolake.oil.wording.reply import response_format
from tribolake.oil.wording.result import Pending

PATTERNS = [pattern_of(number) for number in range(5)]
COST_OF_ONE = (INPUT_TOKENS * 0.4 + OUTPUT_TOKENS * 1.6) / 1e6 / 2


@dataclass
class BatchEndpoint:
    """Files and batches of an account, kept as long as a test lasts."""

    base_url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    batches: dict[str, dict[str, Any]] = field(default_factory=dict)
    loses_answers: bool = False  # batches are made, and nobody is told
    refuses: Response | None = None
    takes_files: bool = True
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def keep_file(self, request: Request) -> Response:
        if not self.takes_files:
            return Response(status=500)
        name = f"file-{next(self.numbers)}"
        self.files[name] = request.files["file"].read()
        return _said({"id": name, "object": "file", "bytes": 1, "created_at": 1, "filename": "x", "purpose": "batch"})

    def make(self, request: Request) -> Response:
        if self.refuses:
            return self.refuses
        said = json.loads(request.get_data())
        name = f"batch_{next(self.numbers)}"
        self.batches[name] = {
            "id": name,
            "object": "batch",
            "status": "in_progress",
            "created_at": 2**33,
            "endpoint": said["endpoint"],
            "completion_window": said["completion_window"],
            "input_file_id": said["input_file_id"],
            "metadata": said["metadata"],
            "request_counts": {"completed": 0, "failed": 0, "total": 1},
        }
        return Response(status=500) if self.loses_answers else _said(self.batches[name])

    def show(self, request: Request) -> Response:
        found = self.batches.get(request.path.rpartition("/")[2])
        return _said(found) if found else failure(404)

    def list_all(self, _: Request) -> Response:
        return _said({"object": "list", "data": list(self.batches.values())[::-1], "has_more": False})

    def content(self, request: Request) -> Response:
        found = self.files.get(request.path.split("/")[-2])
        return failure(404) if found is None else Response(found)

    def requests(self, batch: dict[str, Any]) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.files[batch["input_file_id"]].splitlines()]

    def end(self, replies: list[Any], status: str = "completed", errors: int = 0) -> None:
        """End every batch: these replies for its first requests, errors for the last ones."""
        for batch in self.batches.values():
            keys = [request["custom_id"] for request in self.requests(batch)]
            lines = [
                {"custom_id": key, "response": {"status_code": 200, "body": reply}, "error": None}
                for key, reply in zip(keys, replies, strict=False)
            ]
            failed = [
                {"custom_id": key, "response": None, "error": {"code": "batch_expired", "message": "too late"}}
                for key in keys[len(keys) - errors :]
            ]
            output, wrong = f"file-{next(self.numbers)}", f"file-{next(self.numbers)}"
            self.files[output] = "\n".join(map(json.dumps, lines)).encode()
            self.files[wrong] = "\n".join(map(json.dumps, failed)).encode()
            batch |= {"status": status, "output_file_id": output if lines else None}
            batch |= {"error_file_id": wrong if failed else None}


def _said(said: Any) -> Response:
    return Response(json.dumps(said), content_type="application/json")


@pytest.fixture
def endpoint() -> Iterator[BatchEndpoint]:
    found = BatchEndpoint()
    with HTTPServer(host="127.0.0.1", threaded=True) as server:
        found.base_url = server.url_for("/v1")
        server.expect_request("/v1/files", method="POST").respond_with_handler(found.keep_file)
        server.expect_request("/v1/batches", method="POST").respond_with_handler(found.make)
        server.expect_request("/v1/batches", method="GET").respond_with_handler(found.list_all)
        for name in range(1, 50):
            server.expect_request(f"/v1/batches/batch_{name}").respond_with_handler(found.show)
            server.expect_request(f"/v1/files/file-{name}/content").respond_with_handler(found.content)
        yield found


@pytest.fixture
def lake(endpoint, tmp_path) -> Lake:
    return lake_of(tmp_path, endpoint.base_url, ai_retries=0)


def send(lake: Lake, patterns=PATTERNS) -> Submitted:
    return submit(lake.settings, [Pending(pattern, 1) for pattern in patterns], lake.cache)


def fetch(lake: Lake) -> Collected:
    return collect(lake.settings, lake.cache)


def test_given_a_batch_that_ends_then_its_wordings_are_kept_at_half_the_price(endpoint, lake):
    sent = send(lake)
    (batch,) = endpoint.batches.values()
    assert (sent.asked, sent.batches) == (5, [batch["id"]])
    assert {request["body"]["model"] for request in endpoint.requests(batch)} == {"gpt-4.1-mini"}
    assert fetch(lake).running == {batch["id"]: "in_progress, 0 of 5"}
    endpoint.end([completion(reply_of())] * 5)
    done = fetch(lake)
    assert (done.accepted, done.failed, done.running) == (5, {}, {})
    assert done.as_dict()["cost_usd"] == pytest.approx(5 * COST_OF_ONE)
    assert all(lake.knows(pattern) for pattern in PATTERNS)
    assert fetch(lake).accepted == 0
    assert send(lake).cached == 5


def test_given_replies_that_offend_then_they_are_dropped_and_counted(endpoint, lake):
    send(lake)
    bad = [completion(reply_of(language="en")), completion("no JSON"), completion(None, refusal="no"), {"x": 1}]
    endpoint.end([completion(reply_of()), *bad])
    done = fetch(lake)
    assert done.accepted == 1
    assert done.rejected
    assert done.failed == {"unreadable": 1, "refused": 1, "server error": 1}
    assert awaited_keys(lake.settings) == frozenset()


def test_given_a_batch_that_expires_then_what_it_did_is_kept(endpoint, lake):
    send(lake)
    endpoint.end([completion(reply_of())] * 2, status="expired", errors=2)
    done = fetch(lake)
    assert (done.accepted, dict(done.failed)) == (2, {"server error": 2, "not answered": 1})
    assert send(lake).asked == 3


def test_given_a_batch_under_way_then_neither_a_run_nor_another_batch_asks_for_the_same(endpoint, lake):
    send(lake)
    again = send(lake)
    assert (again.asked, again.awaited, len(endpoint.batches)) == (0, 5, 1)
    ran = lake.enrich(*PATTERNS)  # asks the address of completions, where nobody is
    assert {waits.reason for waits in ran.waiting.values()} == {"batch"}
    assert awaited_keys(lake.settings) == {
        request["custom_id"] for request in endpoint.requests(endpoint.batches["batch_2"])
    }


def test_given_a_lost_answer_then_the_batch_is_found_again_and_not_paid_for_twice(endpoint, lake):
    endpoint.loses_answers = True
    with pytest.raises(EndpointUnavailable, match="Give the command again"):
        send(lake)
    endpoint.loses_answers = False
    again = send(lake)
    assert (len(endpoint.batches), again.batches, again.asked, again.awaited) == (1, list(endpoint.batches), 0, 5)
    endpoint.end([completion(reply_of())] * 5)
    assert fetch(lake).accepted == 5


def test_given_a_lost_answer_then_collecting_finds_the_batch_too(endpoint, lake):
    endpoint.loses_answers = True
    with pytest.raises(EndpointUnavailable):
        send(lake)
    endpoint.end([completion(reply_of())] * 5)
    assert fetch(lake).accepted == 5


def test_given_nobody_at_the_address_then_no_batch_is_waited_for(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
    lake = lake_of(tmp_path, address, ai_retries=0)
    with pytest.raises(EndpointUnavailable, match="Give the command again"):
        send(lake)
    assert open_records(lake.settings) == []
    assert {waits.reason for waits in lake.enrich(*PATTERNS).waiting.values()} == {"unreachable"}


def test_given_requests_that_cannot_be_uploaded_then_no_batch_is_waited_for(endpoint, lake):
    endpoint.takes_files = False
    with pytest.raises(EndpointUnavailable):
        send(lake)
    assert awaited_keys(lake.settings) == frozenset()
    endpoint.takes_files = True
    assert send(lake).asked == 5


@pytest.mark.parametrize("answer", [failure(401), failure(429, "insufficient_quota"), failure(400)])
def test_given_a_batch_that_is_refused_then_it_is_not_waited_for(endpoint, lake, answer):
    endpoint.refuses = answer
    with pytest.raises((ModelUnusable, EndpointUnavailable)):
        send(lake)
    assert awaited_keys(lake.settings) == frozenset()


def test_given_a_batch_that_was_never_made_then_submitting_again_makes_it(endpoint, lake):
    endpoint.refuses = failure(503)
    with pytest.raises(EndpointUnavailable):
        send(lake)
    assert "submit again" in next(iter(fetch(lake).problems.values()))
    endpoint.refuses = None
    assert len(send(lake).batches) == len(endpoint.batches) == 1


@pytest.mark.parametrize("is_made", [True, False])
def test_given_a_command_that_broke_off_then_the_next_one_spends_no_second_budget(endpoint, tmp_path, is_made):
    patterns = [pattern_of(number) for number in range(7)]
    settings = lake_of(tmp_path, endpoint.base_url).settings
    most = most_tokens(messages(patterns[0]), response_format(), settings)
    budget = 3.5 * (most.input * 0.4 + most.output * 1.6) / 1e6 / 2
    lake = lake_of(tmp_path, endpoint.base_url, ai_retries=0, ai_budget_usd=budget)
    endpoint.loses_answers, endpoint.refuses = is_made, None if is_made else failure(503)
    with pytest.raises(EndpointUnavailable):
        send(lake, patterns)
    endpoint.loses_answers, endpoint.refuses = False, None
    again = send(lake, patterns)
    assert (len(endpoint.batches), again.asked, again.left_out) == (1, 0 if is_made else 3, 4)
    assert sum(len(endpoint.requests(batch)) for batch in endpoint.batches.values()) == 3
    assert len(awaited_keys(lake.settings)) == 3


def test_given_a_batch_that_was_never_made_and_less_money_then_submitting_again_keeps_to_it(endpoint, tmp_path):
    endpoint.refuses = failure(503)
    with pytest.raises(EndpointUnavailable):
        send(lake_of(tmp_path, endpoint.base_url, ai_retries=0))
    endpoint.refuses = None
    again = send(lake_of(tmp_path, endpoint.base_url, ai_retries=0, ai_budget_usd=0))
    assert (endpoint.batches, again.asked, again.left_out) == ({}, 0, 5)


def test_given_a_batch_that_another_key_does_not_see_then_it_is_not_given_up(endpoint, lake):
    send(lake)
    hidden = dict(endpoint.batches)
    endpoint.batches.clear()
    done = fetch(lake)
    assert (done.accepted, dict(done.failed)) == (0, {})
    assert ["OPENAI_API_KEY" in problem for problem in done.problems.values()] == [True]
    assert send(lake).awaited == 5
    endpoint.batches.update(hidden)
    endpoint.end([completion(reply_of())] * 5)
    assert fetch(lake).accepted == 5


def test_given_a_batch_that_the_endpoint_has_no_more_then_its_patterns_are_free_again(endpoint, lake):
    send(lake, PATTERNS[:2])
    (record,) = open_records(lake.settings)
    long_ago = datetime.now(UTC) - timedelta(days=KEPT_DAYS + 1)
    save(lake.settings, dataclasses.replace(record, made_at=long_ago.isoformat()))
    endpoint.batches.clear()
    send(lake, PATTERNS[2:])
    endpoint.end([completion(reply_of())] * 3)
    done = fetch(lake)
    assert (done.accepted, dict(done.failed)) == (3, {"not answered": 2})
    assert ["asked for again" in problem for problem in done.problems.values()] == [True]
    assert awaited_keys(lake.settings) == frozenset()
    assert send(lake).asked == 2


def test_given_a_file_that_the_endpoint_has_no_more_then_the_other_batches_are_collected(endpoint, lake):
    send(lake, PATTERNS[:2])
    endpoint.end([completion(reply_of())] * 2)
    (lost,) = endpoint.batches.values()
    del endpoint.files[lost["output_file_id"]]
    endpoint.batches.clear()
    send(lake, PATTERNS[2:])
    endpoint.end([completion(reply_of())] * 3)
    endpoint.batches[lost["id"]] = lost
    done = fetch(lake)
    assert (done.accepted, dict(done.failed), list(done.problems)) == (3, {"not answered": 2}, [lost["id"]])
    assert open_records(lake.settings) == []
    assert send(lake).asked == 2


def test_given_another_address_than_that_of_a_batch_then_the_batch_is_not_given_up(endpoint, lake):
    send(lake)
    with HTTPServer(host="127.0.0.1") as other:
        other.expect_request("/v1/batches/batch_2").respond_with_response(failure(404))
        done = fetch(lake_of(lake.settings.lake, other.url_for("/v1")))
    assert endpoint.base_url in next(iter(done.problems.values()))
    endpoint.end([completion(reply_of())] * 5)
    assert fetch(lake).accepted == 5


def test_given_a_batch_that_failed_then_its_reason_is_told_without_a_key(endpoint, lake):
    send(lake)
    endpoint.end([], status="failed")
    for batch in endpoint.batches.values():
        batch["errors"] = {"object": "list", "data": [{"code": f"bad_{KEY}"}, {"code": "token_limit_exceeded"}]}
    done = fetch(lake)
    assert next(iter(done.problems.values())) == "bad_***; token_limit_exceeded"
    assert done.failed == {"not answered": 5}


def test_given_a_wording_in_the_cache_that_the_guards_refuse_then_a_batch_is_asked_for_it(endpoint, lake):
    send(lake)
    endpoint.end([completion(reply_of())] * 5)
    fetch(lake)
    other = lake_of(lake.settings.lake.parent / "other", endpoint.base_url)
    other.settings.lake.mkdir()
    (good,) = lake.enrich(PATTERNS[0]).wordings.values()
    other.cache.keep(dataclasses.replace(good, observation="El motor muestra hierro de 185 ppm."))
    assert send(other, PATTERNS[:1]).asked == 1
    endpoint.end([completion(reply_of())])
    assert fetch(other).accepted == 1
    assert send(other, PATTERNS[:1]).cached == 1


def test_given_an_account_without_credit_then_the_message_says_so(endpoint, lake):
    endpoint.refuses = failure(429, "insufficient_quota", message=KEY)
    with pytest.raises(ModelUnusable, match="add credit") as raised:
        send(lake)
    assert KEY not in str(raised.value)


def test_given_a_budget_then_no_more_is_asked_for_than_it_suffices_for(endpoint, tmp_path):
    lake = lake_of(tmp_path, endpoint.base_url, ai_budget_usd=0.005)
    sent = send(lake)
    assert 0 < sent.asked < 5
    assert sent.asked + sent.left_out == 5


def test_given_no_key_then_the_message_says_so(tmp_path, endpoint):
    with pytest.raises(ConfigurationError, match="OPENAI_API_KEY"):
        send(lake_of(tmp_path, endpoint.base_url, openai_api_key=""))
