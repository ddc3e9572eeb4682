"""Test requests to the model over real sockets: busy, broken and slow endpoints, and replies that are not allowed."""

from __future__ import annotations

import dataclasses
import json
import logging
import re
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from tests.support.model_endpoints import (
    CACHED_TOKENS,
    INPUT_TOKENS,
    KEY,
    OUTPUT_TOKENS,
    Endpoint,
    answered,
    completion,
    dripping,
    failure,
    in_turn,
    lake_of,
    open_endpoint,
    pattern_of,
    reply_of,
    slowly,
)
from werkzeug import Response

from tribolake.oil.steps import result_of
from tribolake.oil.wording.budget import Budget
from tribolake.oil.wording.model import most_tokens, retry_after
from tribolake.oil.wording.prompt import messages
from tribolake.oil.wording.reply import response_format
from tribolake.oil.wording.result import Enrichment
from tribolake.oil.wording.wording import canonical_json
from tribolake.run.report import RunReport
from tribolake.settings import load_settings

MOTOR = pattern_of()
PAUSES = (("2", 2), ("0.5", 0.5), ("soon", None), (None, None), ("-1", None), ("Wed, 21 Oct 2015 07:28:00 GMT", 0))


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with open_endpoint() as opened:
        yield opened


def said(status: int, error: str) -> Response:
    """Return an error that is a text."""
    return Response(json.dumps({"error": error}), status, content_type="application/json")


def counted(usage: Any, content: str | None = None) -> Response:
    """Return a good reply, or another one, with this count of tokens."""
    body = completion(reply_of() if content is None else content) | {"usage": usage}
    return Response(json.dumps(body), content_type="application/json")


def report_of(done: Enrichment) -> RunReport:
    """Return the report of a run that did nothing else."""
    return RunReport("run", "default", "es", results={"recommendations": result_of(done)})


def test_good_reply_is_kept_and_counted(endpoint, tmp_path):
    lake = lake_of(tmp_path, endpoint)
    done = lake.enrich(MOTOR)
    wording = done.wordings[MOTOR.text]
    assert json.loads(wording.reply) == json.loads(reply_of())
    assert lake.knows(MOTOR)
    assert done.as_dict() | {"seconds": 0} == {
        "model": "gpt-4.1-mini",
        "patterns": 1,
        "reports": 1,
        "cached": 0,
        "postponed": 0,
        "asked": 1,
        "accepted": 1,
        "retried": 0,
        "failed": 0,
        "rejected": {},
        "waiting": {},
        "input_tokens": INPUT_TOKENS,
        "output_tokens": OUTPUT_TOKENS,
        "cached_tokens": CACHED_TOKENS,
        "cost_usd": pytest.approx((INPUT_TOKENS * 0.4 + OUTPUT_TOKENS * 1.6) / 1e6),
        "seconds": 0,
        "stopped": None,
        "budget_spent": False,
    }


def test_request_has_the_settings_and_a_strict_schema(endpoint, tmp_path):
    lake_of(tmp_path, endpoint, ai_model="one", ai_max_output_tokens=99).enrich(MOTOR)
    said = endpoint.asked[0].body
    assert said["response_format"]["json_schema"]["strict"] is True
    assert (said["model"], said["temperature"], said["max_completion_tokens"]) == ("one", 0.2, 99)
    assert said["messages"] == messages(MOTOR, "es")
    assert said["response_format"] == response_format(MOTOR.choices)


def test_no_temperature_is_sent_without_a_setting(endpoint, tmp_path, monkeypatch):
    monkeypatch.setenv("TRIBOLAKE_AI_TEMPERATURE", "")
    assert lake_of(tmp_path, endpoint).enrich(MOTOR).accepted == 1
    assert "temperature" not in endpoint.asked[0].body


def test_cached_wording_needs_no_request_and_no_key(endpoint, tmp_path):
    first = lake_of(tmp_path, endpoint).enrich(MOTOR)
    again = lake_of(tmp_path, endpoint).enrich(MOTOR)
    assert again.wordings == first.wordings
    assert (again.cached, again.asked, len(endpoint.asked)) == (1, 0, 1)
    without = lake_of(tmp_path, endpoint, openai_api_key="").enrich(MOTOR, pattern_of(1))
    assert (list(without.wordings), without.waiting, len(endpoint.asked)) == ([MOTOR.text], {}, 1)


def test_unusable_wording_in_the_lake_is_asked_for_again(endpoint, tmp_path):
    good = lake_of(tmp_path, endpoint).enrich(MOTOR).wordings[MOTOR.text]
    other = lake_of(tmp_path / "other", endpoint)
    other.settings.lake.mkdir()
    other.wordings.keep(dataclasses.replace(good, reply=canonical_json(json.loads(good.reply) | {"steps": []})))
    without = lake_of(other.settings.lake, endpoint, openai_api_key="").enrich(MOTOR)
    assert (without.wordings, without.cached, len(endpoint.asked)) == ({}, 0, 1)
    done = other.enrich(MOTOR)
    assert (done.asked, done.accepted, done.wordings[MOTOR.text].reply) == (1, 1, good.reply)
    again = other.enrich(MOTOR)
    assert (again.wordings, again.cached, len(endpoint.asked)) == (done.wordings, 1, 2)


def test_patterns_are_asked_for_in_order_of_their_reports(endpoint, tmp_path):
    endpoint.answer = slowly(0.05)
    patterns = [pattern_of(number) for number in range(30, 0, -1)]
    done = lake_of(tmp_path, endpoint, ai_concurrency=4).enrich(*patterns)
    assert list(done.wordings) == [pattern.text for pattern in patterns]
    order = [json.loads(pattern.text)["component"] for pattern in patterns]
    # At any moment no more than the other three callers are behind.
    assert all(order.index(each.component) < place + 4 for place, each in enumerate(endpoint.asked))
    assert 1 < endpoint.at_once <= 4


def test_all_callers_keep_the_pause_of_a_busy_endpoint(endpoint, tmp_path):
    endpoint.answer = in_turn(failure(429, headers={"Retry-After": "1"}), answered(reply_of()))
    done = lake_of(tmp_path, endpoint, ai_concurrency=1).enrich(MOTOR, pattern_of(1))
    assert (done.accepted, len(endpoint.asked)) == (2, 3)
    assert endpoint.asked[1].at - endpoint.asked[0].at >= 1


def test_pause_past_the_deadline_ends_at_once(endpoint, tmp_path):
    endpoint.answer = lambda _: failure(429, headers={"Retry-After": "3600"})
    done = lake_of(tmp_path, endpoint, ai_concurrency=1).enrich(*map(pattern_of, range(20)))
    assert done.seconds < 5
    assert {waits.reason for waits in done.waiting.values()} == {"busy", "stopped"}
    assert len(endpoint.asked) == 1
    assert "did not answer" in (done.stopped or "")


def test_server_error_is_retried(endpoint, tmp_path):
    endpoint.answer = in_turn(failure(500), failure(503), answered(reply_of()))
    done = lake_of(tmp_path, endpoint).enrich(MOTOR)
    assert (done.accepted, done.retried, len(endpoint.asked)) == (1, 0, 3)


def test_slow_reply_is_cut_at_the_deadline(endpoint, tmp_path):
    endpoint.answer = lambda _: dripping(reply_of(), seconds=6, pieces=60)
    done = lake_of(tmp_path, endpoint, ai_deadline_seconds=0.7).enrich(MOTOR)
    assert done.seconds < 2
    assert done.waiting[MOTOR.text].reason == "deadline"
    assert done.cost_usd  # it may be billed


WRONG_IDS = {
    "texts in place of ids": reply_of(steps=["medir soplado del cárter, compresión y consumo de aceite"]),
    "a step left out": reply_of(steps=["S05a.step1"]),
    "a step of another rule": reply_of(steps=["K07.step1", "K01.step2"]),
    "another cause first": reply_of(causes=["S05a", "K07"]),
}
UNUSABLE = {name: (answered(reply), "rejected") for name, reply in WRONG_IDS.items()} | {
    "cut JSON": (answered(reply_of()[:-20]), "unreadable"),
    "no JSON": (answered("Claro: aquí tiene la recomendación."), "unreadable"),
    "no content": (answered(None), "unreadable"),
    "out of tokens": (answered(reply_of()[:50], ended="length"), "truncated"),
}


@pytest.mark.parametrize(("reply", "reason"), UNUSABLE.values(), ids=UNUSABLE)
def test_unusable_reply_is_asked_for_once_more_and_not_kept(endpoint, tmp_path, reply, reason):
    endpoint.answer = lambda _: reply
    lake = lake_of(tmp_path, endpoint)
    done = lake.enrich(MOTOR)
    assert (done.waiting[MOTOR.text].reason, done.accepted, done.retried) == (reason, 0, 1)
    # A rejected reply is counted by its wrong fields, every other one as failed.
    assert (bool(done.rejected), done.failed) == ((True, 0) if reason == "rejected" else (False, 1))
    assert [each.complaint is None for each in endpoint.asked] == [True, False]
    assert not lake.knows(MOTOR)
    assert sum(lake.wordings.count().values()) == 0


REFUSALS = {
    "refusal": answered(None, refusal="I cannot help with that"),
    "filtered reply": answered("", ended="content_filter"),
    "filtered request": failure(400, "content_filter"),
}


@pytest.mark.parametrize("reply", REFUSALS.values(), ids=REFUSALS)
def test_refused_pattern_waits_and_others_are_asked_for(endpoint, tmp_path, reply):
    endpoint.answer = in_turn(reply, answered(reply_of()))
    done = lake_of(tmp_path, endpoint, ai_concurrency=1).enrich(MOTOR, pattern_of(1))
    assert (done.waiting[MOTOR.text].reason, done.accepted, done.stopped) == ("refused", 1, None)
    assert len(endpoint.asked) == 2


@pytest.mark.parametrize("body", ["<html>busy</html>", "[]", '{"choices": []}', "{" * 100_000, ""])
def test_body_without_a_completion_is_a_server_error(endpoint, tmp_path, body):
    endpoint.answer = lambda _: Response(body, content_type="application/json")
    assert lake_of(tmp_path, endpoint).enrich(MOTOR).waiting[MOTOR.text].reason == "server error"


def test_good_second_reply_is_kept(endpoint, tmp_path):
    endpoint.answer = in_turn(answered(WRONG_IDS["a step left out"]), answered(reply_of()))
    done = lake_of(tmp_path, endpoint).enrich(MOTOR)
    assert (done.accepted, done.retried, done.rejected) == (1, 1, {})
    assert done.wordings[MOTOR.text].input_tokens == 2 * INPUT_TOKENS


ADVICE = {
    "no quota": (failure(429, "insufficient_quota"), "add credit"),
    "inactive account": (failure(429, "billing_not_active"), "add credit"),
    "spent limit": (failure(400, "billing_hard_limit_reached", type="invalid_request_error"), "add credit"),
    "no quota at a gateway": (failure(403, "insufficient_user_quota"), "add credit"),
    "closed account": (failure(401, "account_deactivated"), "account .* is closed"),
    "quota as a text": (said(429, "insufficient_quota"), "add credit"),
    "account in a text": (said(403, "Error: billing_not_active."), "add credit"),
    "payment": (failure(402), "add credit"),
    "unknown key": (failure(401, "invalid_api_key"), "set OPENAI_API_KEY"),
    "forbidden": (failure(403), "set OPENAI_MODEL"),
    "unknown model": (failure(404, "model_not_found"), "set OPENAI_MODEL"),
    "temperature": (failure(400, "unsupported_value", param="temperature"), "TRIBOLAKE_AI_TEMPERATURE"),
}


@pytest.mark.parametrize(("answer", "advice"), ADVICE.values(), ids=ADVICE)
def test_error_for_a_person_stops_at_once_with_advice(endpoint, tmp_path, answer, advice):
    endpoint.answer = lambda _: answer
    done = lake_of(tmp_path, endpoint, ai_concurrency=8).enrich(*map(pattern_of, range(100)))
    assert re.search(advice, done.stopped or "")
    assert len(endpoint.asked) <= 8
    assert {waits.reason for waits in done.waiting.values()} == {"stopped"}
    assert len(done.waiting) == 100


@pytest.fixture
def closed_address() -> str:
    """An address at which no server listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"http://127.0.0.1:{taken.getsockname()[1]}/v1"


def test_unreachable_endpoint_stops_after_a_few_calls(tmp_path, closed_address):
    done = lake_of(tmp_path, closed_address, ai_retries=0, ai_concurrency=2).enrich(*map(pattern_of, range(100)))
    assert done.asked <= 6
    assert {waits.reason for waits in done.waiting.values()} == {"unreachable", "stopped"}
    assert closed_address in (done.stopped or "")


@pytest.mark.parametrize("budget", [None, 1.0])
def test_unreachable_endpoint_and_few_patterns_need_a_look(tmp_path, closed_address, budget):
    done = lake_of(tmp_path, closed_address, ai_retries=0, ai_budget_usd=budget).enrich(*map(pattern_of, range(3)))
    assert (done.asked, {waits.reason for waits in done.waiting.values()}) == (3, {"unreachable"})
    assert f"{closed_address} did not answer 3 calls" in (done.stopped or "")
    assert report_of(done).needs_a_look


def test_failures_with_one_answer_need_no_look(endpoint, tmp_path):
    endpoint.answer = in_turn(answered(reply_of()), failure(500))
    done = lake_of(tmp_path, endpoint, ai_retries=0, ai_concurrency=1).enrich(*map(pattern_of, range(3)))
    assert (done.accepted, done.stopped, report_of(done).needs_a_look) == (1, None, False)


def test_spent_budget_asks_nothing_and_needs_no_look(endpoint, tmp_path):
    done = lake_of(tmp_path, endpoint, ai_budget_usd=0).enrich(MOTOR)
    assert (endpoint.asked, done.waiting[MOTOR.text].reason) == ([], "budget")
    assert (done.budget_spent, report_of(done).needs_a_look) == (True, False)
    assert "the budget of 0" in (done.stopped or "")


def test_invalid_address_stops_asking(tmp_path):
    done = lake_of(tmp_path, "http://127.0.0.1:port/v1").enrich(MOTOR)
    assert (done.waiting[MOTOR.text].reason, done.wordings) == ("stopped", {})
    assert "InvalidURL" in (done.stopped or "")


def test_bad_request_stops_after_a_few_calls(endpoint, tmp_path):
    endpoint.answer = lambda _: failure(400, message="response_format is unknown here")
    done = lake_of(tmp_path, endpoint, ai_concurrency=2).enrich(*map(pattern_of, range(100)))
    assert len(endpoint.asked) <= 6
    assert "response_format is unknown here" in (done.stopped or "")


def test_key_is_in_no_log_and_no_report(endpoint, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    said = f"the key {KEY} is bad, Bearer {KEY}"
    told = []
    for status in (400, 401, 403, 404, 429, 500):
        endpoint.answer = lambda _, status=status: failure(status, code=KEY, message=said, param=KEY)
        done = lake_of(tmp_path, endpoint, ai_retries=0).enrich(MOTOR)
        told.append(f"{done.as_dict()} {done.waiting} {done}")
    settings = lake_of(tmp_path, endpoint).settings
    told += [repr(settings), str(settings.environment()), settings.model_dump_json()]
    assert KEY not in "\n".join(told)
    assert {"openai", "httpcore2"} <= {record.name.partition(".")[0] for record in caplog.records}
    assert KEY not in caplog.text
    assert all(KEY not in str(vars(record)) for record in caplog.records)


@pytest.mark.parametrize(
    "echo", [KEY[:-2], KEY[2:], KEY.upper()[:4] + KEY[4:13], "sk-another-key-9f2", "Bearer x1y2z3"]
)
def test_part_of_a_key_in_an_answer_is_shown_nowhere(endpoint, tmp_path, caplog, echo):
    told = []
    for status in (400, 401, 422, 429, 500):
        endpoint.answer = lambda _, status=status: failure(status, echo, message=f"the header {echo}, was bad")
        done = lake_of(tmp_path, endpoint, ai_retries=0).enrich(MOTOR)
        told.append(f"{done.as_dict()} {done.waiting} {done}")
    for part in (echo, echo.removeprefix("Bearer ")[:12]):
        assert part not in "\n".join(told) + caplog.text
    assert "the header" in told[0]
    assert "was bad" in told[0]


def test_invalid_key_is_not_in_the_message(tmp_path):
    with pytest.raises(Exception, match="no spaces") as raised:
        load_settings(lake=tmp_path, openai_api_key="sk-first secret")
    assert "secret" not in f"{raised.value} {raised.value.__cause__}"


def test_budget_is_not_exceeded_by_many_callers(endpoint, tmp_path):
    endpoint.answer = slowly(0.02)
    lake = lake_of(tmp_path, endpoint, ai_concurrency=8, ai_budget_usd=0.05)
    done = lake.enrich(*map(pattern_of, range(120)))
    assert done.cost_usd is not None
    assert 0 < float(done.cost_usd) <= 0.05
    assert float(done.cost_usd) == pytest.approx(len(endpoint.asked) * (INPUT_TOKENS * 0.4 + OUTPUT_TOKENS * 1.6) / 1e6)
    assert endpoint.at_once > 1
    assert 0 < done.accepted < 120
    assert {waits.reason for waits in done.waiting.values()} == {"budget"}
    assert "later run" in (done.stopped or "")
    rest = lake.enrich(*map(pattern_of, range(120)))
    assert rest.cached == done.accepted
    assert rest.accepted


MOST = {"prompt_tokens": 2000, "completion_tokens": 60_000}


def test_endpoint_that_ignores_the_output_limit_stops_asking(endpoint, tmp_path):
    endpoint.answer = lambda _: counted(MOST)
    lake = lake_of(tmp_path, endpoint, ai_budget_usd=0.05, ai_concurrency=8)
    done = lake.enrich(*map(pattern_of, range(20)))
    assert (len(endpoint.asked), done.accepted) == (1, 1)
    assert "max_completion_tokens" in (done.stopped or "")
    assert "60000 output tokens" in (done.stopped or "")
    assert {waits.reason for waits in done.waiting.values()} == {"stopped"}


def test_one_caller_asks_until_an_answer_is_counted(endpoint, tmp_path):
    endpoint.answer = in_turn(failure(500), lambda _: counted(MOST))
    lake = lake_of(tmp_path, endpoint, ai_budget_usd=0.05, ai_concurrency=8, ai_retries=0)
    lake.enrich(*map(pattern_of, range(20)))
    assert len(endpoint.asked) == 2


def test_bad_reply_past_the_output_limit_is_not_retried(endpoint, tmp_path):
    endpoint.answer = lambda _: counted(MOST, "no JSON")
    done = lake_of(tmp_path, endpoint, ai_budget_usd=0.05).enrich(MOTOR)
    assert (len(endpoint.asked), done.waiting[MOTOR.text].reason) == (1, "stopped")


def test_output_limit_stops_nothing_without_a_budget(endpoint, tmp_path):
    endpoint.answer = lambda _: counted(MOST)
    done = lake_of(tmp_path, endpoint).enrich(*map(pattern_of, range(5)))
    assert (done.accepted, done.stopped) == (5, None)


COUNTED = {"prompt_tokens": 2000, "completion_tokens": 150}
NOT_COUNTED = [
    *(None, {}, [], {"prompt_tokens": 2000}),
    *(COUNTED | {"completion_tokens": wrong} for wrong in (None, "150", -1)),
    *(COUNTED | {"prompt_tokens": wrong} for wrong in (True, 1.5)),
]


@pytest.mark.parametrize("usage", NOT_COUNTED)
def test_answer_without_a_count_costs_the_most(endpoint, tmp_path, usage):
    endpoint.answer = lambda _: counted(usage)
    lake = lake_of(tmp_path, endpoint, ai_budget_usd=0.05)
    done = lake.enrich(MOTOR)
    most = most_tokens(messages(MOTOR, "es"), response_format(MOTOR.choices), lake.settings)
    assert done.accepted == 1
    assert float(done.cost_usd or 0) == pytest.approx((most.input * 0.4 + most.output * 1.6) / 1e6)


def test_reply_with_invalid_usage_details_is_kept(endpoint, tmp_path):
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": "many"}}
    endpoint.answer = lambda _: counted(usage)
    done = lake_of(tmp_path, endpoint).enrich(MOTOR)
    assert (done.accepted, done.tokens.input, done.tokens.output, done.tokens.cached) == (1, 10, 5, 0)


def test_budget_without_a_known_price_asks_nothing(endpoint, tmp_path):
    done = lake_of(tmp_path, endpoint, ai_budget_usd=1, ai_prices="").enrich(MOTOR)
    assert endpoint.asked == []
    assert "TRIBOLAKE_AI_PRICES" in (done.stopped or "")


def test_cost_is_unknown_without_a_price(endpoint, tmp_path):
    done = lake_of(tmp_path, endpoint, ai_prices="").enrich(MOTOR)
    assert (done.accepted, done.cost_usd, done.tokens.input) == (1, None, INPUT_TOKENS)


def test_budget_without_a_price_is_an_error():
    with pytest.raises(ValueError, match="price"):
        Budget(limit=1, price=None)  # type: ignore[arg-type]


def test_cache_that_cannot_keep_stops_asking(endpoint, tmp_path):
    lake = lake_of(tmp_path, endpoint, ai_concurrency=1)
    (tmp_path / "oil-analysis").symlink_to("/proc/self")  # where nobody can make a folder
    done = lake.enrich(*map(pattern_of, range(10)))
    assert done.stopped
    assert len(endpoint.asked) <= 1


@pytest.mark.parametrize(
    ("milliseconds", "seconds", "expected"),
    [("1500", "9", 1.5), *((None, *each) for each in PAUSES)],
)
def test_pause_is_read_as_a_number_or_a_date(milliseconds, seconds, expected):
    assert retry_after(milliseconds, seconds) == expected


def test_llmock_finds_the_client_resilient(llmock, tmp_path):
    llmock.rate_limit(times=1, retry_after=0.5).fail(500).fail(503)
    llmock.reply(reply_of(), times=None)
    done = lake_of(tmp_path, llmock.base_url()).enrich(MOTOR)
    assert done.accepted == 1
    llmock.assert_resilient(strict=True)


def test_llmock_in_an_outage_is_asked_as_often_as_set(llmock, tmp_path):
    llmock.outage()
    done = lake_of(tmp_path, llmock.base_url(), ai_retries=1).enrich(MOTOR)
    assert done.waiting[MOTOR.text].reason == "server error"
    assert len(llmock.requests) == 2


def test_random_answer_of_llmock_is_not_kept(llmock, tmp_path):
    lake = lake_of(tmp_path, llmock.base_url())
    done = lake.enrich(MOTOR)
    assert done.waiting[MOTOR.text].reason in ("rejected", "unreadable")
    assert not lake.knows(MOTOR)
