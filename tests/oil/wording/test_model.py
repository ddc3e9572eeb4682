"""The model is asked over real sockets: endpoints that are busy, broken, slow, or that choose what they must not."""

from __future__ import annotations

import dataclasses
import json
import logging
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from llmock.pytest_plugin import LLMock
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


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with open_endpoint() as opened:
        yield opened


def report_of(done: Enrichment) -> RunReport:
    """The report of a run that did nothing else."""
    return RunReport("run", "default", "es", results={"recommendations": result_of(done)})


def test_given_a_good_reply_then_it_is_kept_and_counted(endpoint, tmp_path):
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


def test_given_a_request_then_it_asks_for_the_schema_strictly(endpoint, tmp_path):
    lake_of(tmp_path, endpoint, ai_model="one", ai_max_output_tokens=99).enrich(MOTOR)
    said = endpoint.asked[0].body
    assert said["response_format"]["json_schema"]["strict"] is True
    assert (said["model"], said["temperature"], said["max_completion_tokens"]) == ("one", 0.2, 99)
    assert said["messages"] == messages(MOTOR, "es")
    assert said["response_format"] == response_format(MOTOR.choices)


def test_given_no_temperature_then_none_is_sent(endpoint, tmp_path, monkeypatch):
    monkeypatch.setenv("TRIBOLAKE_AI_TEMPERATURE", "")
    assert lake_of(tmp_path, endpoint).enrich(MOTOR).accepted == 1
    assert "temperature" not in endpoint.asked[0].body


def test_given_a_wording_in_the_cache_then_nobody_is_asked(endpoint, tmp_path):
    first = lake_of(tmp_path, endpoint).enrich(MOTOR)
    again = lake_of(tmp_path, endpoint).enrich(MOTOR)
    assert again.wordings == first.wordings
    assert (again.cached, again.asked, len(endpoint.asked)) == (1, 0, 1)


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


def test_given_no_key_then_the_cache_is_looked_at_and_nobody_is_asked(endpoint, tmp_path):
    lake_of(tmp_path, endpoint).enrich(MOTOR)
    without = lake_of(tmp_path, endpoint, openai_api_key="").enrich(MOTOR, pattern_of(1))
    assert (list(without.wordings), without.waiting, len(endpoint.asked)) == ([MOTOR.text], {}, 1)


def test_given_many_patterns_then_the_order_is_that_of_their_reports(endpoint, tmp_path):
    endpoint.answer = slowly(0.05)
    patterns = [pattern_of(number) for number in range(30, 0, -1)]
    done = lake_of(tmp_path, endpoint, ai_concurrency=4).enrich(*patterns)
    assert list(done.wordings) == [pattern.text for pattern in patterns]
    first = {json.loads(pattern.text)["component"] for pattern in patterns[:4]}
    assert {each.component for each in endpoint.asked[:4]} == first
    assert 1 < endpoint.at_once <= 4


def test_given_a_busy_endpoint_then_its_pause_is_kept_by_all_callers(endpoint, tmp_path):
    endpoint.answer = in_turn(failure(429, headers={"Retry-After": "1"}), answered(reply_of()))
    done = lake_of(tmp_path, endpoint, ai_concurrency=1).enrich(MOTOR, pattern_of(1))
    assert (done.accepted, len(endpoint.asked)) == (2, 3)
    assert endpoint.asked[1].at - endpoint.asked[0].at >= 1


def test_given_a_pause_longer_than_the_deadline_then_nobody_waits_for_it(endpoint, tmp_path):
    endpoint.answer = lambda _: failure(429, headers={"Retry-After": "3600"})
    done = lake_of(tmp_path, endpoint, ai_concurrency=1).enrich(*map(pattern_of, range(20)))
    assert done.seconds < 5
    assert {waits.reason for waits in done.waiting.values()} == {"busy", "stopped"}
    assert len(endpoint.asked) == 1
    assert "did not answer" in (done.stopped or "")


def test_given_errors_of_the_server_then_it_is_asked_again(endpoint, tmp_path):
    endpoint.answer = in_turn(failure(500), failure(503), answered(reply_of()))
    done = lake_of(tmp_path, endpoint).enrich(MOTOR)
    assert (done.accepted, done.retried, len(endpoint.asked)) == (1, 0, 3)


def test_given_a_reply_that_drips_in_then_it_is_cut_at_the_deadline(endpoint, tmp_path):
    endpoint.answer = lambda _: dripping(reply_of(), seconds=6, pieces=60)
    done = lake_of(tmp_path, endpoint, ai_deadline_seconds=0.7).enrich(MOTOR)
    assert done.seconds < 2
    assert done.waiting[MOTOR.text].reason == "deadline"
    assert done.cost_usd  # it may be billed


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (answered(reply_of()[:-20]), "unreadable"),
        (answered("Claro: aquí tiene la recomendación."), "unreadable"),
        (answered(None), "unreadable"),
        (answered(reply_of()[:50], ended="length"), "truncated"),
    ],
    ids=["cut JSON", "no JSON", "no content", "out of tokens"],
)
def test_given_a_reply_that_is_no_wording_then_one_more_is_asked_for(endpoint, tmp_path, reply, reason):
    endpoint.answer = lambda _: reply
    lake = lake_of(tmp_path, endpoint)
    done = lake.enrich(MOTOR)
    assert (done.waiting[MOTOR.text].reason, done.retried, done.failed) == (reason, 1, 1)
    assert [each.complaint is None for each in endpoint.asked] == [True, False]
    assert not lake.knows(MOTOR)


@pytest.mark.parametrize(
    ("reply", "requests"),
    [
        (answered(None, refusal="I cannot help with that"), 1),
        (answered("", ended="content_filter"), 1),
        (failure(400, "content_filter"), 1),
    ],
    ids=["refusal", "filtered reply", "filtered request"],
)
def test_given_a_refusal_then_the_pattern_waits_and_the_others_go_on(endpoint, tmp_path, reply, requests):
    endpoint.answer = in_turn(reply, answered(reply_of()))
    done = lake_of(tmp_path, endpoint, ai_concurrency=1).enrich(MOTOR, pattern_of(1))
    assert (done.waiting[MOTOR.text].reason, done.accepted, done.stopped) == ("refused", 1, None)
    assert len(endpoint.asked) == requests + 1


@pytest.mark.parametrize("body", ["<html>busy</html>", "[]", '{"choices": []}', "{" * 100_000, ""])
def test_given_a_body_that_is_no_completion_then_the_pattern_waits(endpoint, tmp_path, body):
    endpoint.answer = lambda _: Response(body, content_type="application/json")
    assert lake_of(tmp_path, endpoint).enrich(MOTOR).waiting[MOTOR.text].reason == "server error"


def said(status: int, error: str) -> Response:
    """An error that is a mere text."""
    return Response(json.dumps({"error": error}), status, content_type="application/json")


def counted(usage: Any, content: str | None = None) -> Response:
    """A good reply, or another one, with what an endpoint says that it cost."""
    body = completion(reply_of() if content is None else content) | {"usage": usage}
    return Response(json.dumps(body), content_type="application/json")


BAD_REPLIES = {
    "texts in place of ids": reply_of(steps=["medir soplado del cárter, compresión y consumo de aceite"]),
    "a step left out": reply_of(steps=["S05a.step1"]),
    "a step of another rule": reply_of(steps=["K07.step1", "K01.step2"]),
    "another cause first": reply_of(causes=["S05a", "K07"]),
}


@pytest.mark.parametrize("bad", BAD_REPLIES.values(), ids=BAD_REPLIES.keys())
def test_given_a_reply_that_offends_twice_then_it_is_dropped_and_nothing_is_kept(endpoint, tmp_path, bad):
    endpoint.answer = lambda _: answered(bad)
    lake = lake_of(tmp_path, endpoint)
    done = lake.enrich(MOTOR)
    assert (done.waiting[MOTOR.text].reason, done.accepted, done.retried) == ("rejected", 0, 1)
    assert done.rejected
    assert [each.complaint is None for each in endpoint.asked] == [True, False]
    assert not lake.knows(MOTOR)
    assert sum(lake.wordings.count().values()) == 0


def test_given_a_second_reply_that_is_good_then_it_is_kept(endpoint, tmp_path):
    endpoint.answer = in_turn(answered(BAD_REPLIES["a step left out"]), answered(reply_of()))
    done = lake_of(tmp_path, endpoint).enrich(MOTOR)
    assert (done.accepted, done.retried, done.rejected) == (1, 1, {})
    assert done.wordings[MOTOR.text].input_tokens == 2 * INPUT_TOKENS


@pytest.mark.parametrize(
    ("answer", "advice"),
    [
        (lambda: failure(429, "insufficient_quota"), "add credit"),
        (lambda: failure(429, "billing_not_active"), "add credit"),
        (lambda: failure(400, "billing_hard_limit_reached", type="invalid_request_error"), "add credit"),
        (lambda: failure(403, "insufficient_user_quota"), "add credit"),
        (lambda: failure(401, "account_deactivated"), "account .* is closed"),
        (lambda: said(429, "insufficient_quota"), "add credit"),
        (lambda: said(403, "Error: billing_not_active."), "add credit"),
        (lambda: failure(402), "add credit"),
        (lambda: failure(401, "invalid_api_key"), "set OPENAI_API_KEY"),
        (lambda: failure(403), "set OPENAI_MODEL"),
        (lambda: failure(404, "model_not_found"), "set OPENAI_MODEL"),
        (lambda: failure(400, "unsupported_value", param="temperature"), "TRIBOLAKE_AI_TEMPERATURE"),
    ],
    ids=[
        "no quota",
        "inactive account",
        "spent limit",
        "no quota at a gateway",
        "closed account",
        "quota as a text",
        "account in a text",
        "payment",
        "unknown key",
        "forbidden",
        "unknown model",
        "temperature",
    ],
)
def test_given_what_a_person_has_to_mend_then_it_stops_at_once_and_says_so(endpoint, tmp_path, answer, advice):
    endpoint.answer = lambda _: answer()
    done = lake_of(tmp_path, endpoint, ai_concurrency=8).enrich(*map(pattern_of, range(100)))
    assert re.search(advice, done.stopped or "")
    assert len(endpoint.asked) <= 8
    assert {waits.reason for waits in done.waiting.values()} == {"stopped"}
    assert len(done.waiting) == 100


def test_given_nobody_at_the_address_then_it_stops_after_a_few(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
    done = lake_of(tmp_path, address, ai_retries=0, ai_concurrency=2).enrich(*map(pattern_of, range(100)))
    assert done.asked <= 6
    assert {waits.reason for waits in done.waiting.values()} == {"unreachable", "stopped"}
    assert address in (done.stopped or "")


@pytest.mark.parametrize("budget", [None, 1.0])
def test_given_nobody_at_the_address_and_few_patterns_then_the_report_says_what_to_do(tmp_path, budget):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
    done = lake_of(tmp_path, address, ai_retries=0, ai_budget_usd=budget).enrich(*map(pattern_of, range(3)))
    assert (done.asked, {waits.reason for waits in done.waiting.values()}) == (3, {"unreachable"})
    assert f"{address} did not answer 3 calls" in (done.stopped or "")
    assert report_of(done).needs_a_look


def test_given_one_answer_among_failures_then_the_rest_waits_and_nobody_has_to_look(endpoint, tmp_path):
    endpoint.answer = in_turn(answered(reply_of()), failure(500))
    done = lake_of(tmp_path, endpoint, ai_retries=0, ai_concurrency=1).enrich(*map(pattern_of, range(3)))
    assert (done.accepted, done.stopped, report_of(done).needs_a_look) == (1, None, False)


def test_given_a_spent_budget_then_nobody_has_to_look(endpoint, tmp_path):
    done = lake_of(tmp_path, endpoint, ai_budget_usd=0).enrich(MOTOR)
    assert (done.budget_spent, report_of(done).needs_a_look) == (True, False)
    assert "the budget of 0" in (done.stopped or "")


def test_given_an_address_that_is_none_then_it_stops_and_the_rule_text_stays(tmp_path):
    done = lake_of(tmp_path, "http://127.0.0.1:port/v1").enrich(MOTOR)
    assert (done.waiting[MOTOR.text].reason, done.wordings) == ("stopped", {})
    assert "InvalidURL" in (done.stopped or "")


def test_given_a_request_that_is_not_understood_then_it_stops_after_a_few(endpoint, tmp_path):
    endpoint.answer = lambda _: failure(400, message="response_format is unknown here")
    done = lake_of(tmp_path, endpoint, ai_concurrency=2).enrich(*map(pattern_of, range(100)))
    assert len(endpoint.asked) <= 6
    assert "response_format is unknown here" in (done.stopped or "")


def test_given_a_key_then_it_is_in_no_log_and_no_report(endpoint, tmp_path, caplog):
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
def test_given_an_endpoint_that_repeats_a_part_of_the_key_then_it_is_told_nowhere(endpoint, tmp_path, caplog, echo):
    told = []
    for status in (400, 401, 422, 429, 500):
        endpoint.answer = lambda _, status=status: failure(status, echo, message=f"the header {echo}, was bad")
        done = lake_of(tmp_path, endpoint, ai_retries=0).enrich(MOTOR)
        told.append(f"{done.as_dict()} {done.waiting} {done}")
    for part in (echo, echo.removeprefix("Bearer ")[:12]):
        assert part not in "\n".join(told) + caplog.text
    assert "the header" in told[0]
    assert "was bad" in told[0]


def test_given_a_key_that_cannot_be_one_then_the_message_does_not_show_it(tmp_path):
    with pytest.raises(Exception, match="no spaces") as raised:
        load_settings(lake=tmp_path, openai_api_key="sk-first secret")
    assert "secret" not in f"{raised.value} {raised.value.__cause__}"


def test_given_a_budget_then_it_is_not_exceeded_by_any_number_of_callers(endpoint, tmp_path):
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


def test_given_an_endpoint_that_ignores_the_limit_of_output_then_no_more_is_asked_for_and_the_message_says_why(
    endpoint, tmp_path
):
    endpoint.answer = lambda _: counted(MOST)
    lake = lake_of(tmp_path, endpoint, ai_budget_usd=0.05, ai_concurrency=8)
    done = lake.enrich(*map(pattern_of, range(20)))
    assert (len(endpoint.asked), done.accepted) == (1, 1)
    assert "max_completion_tokens" in (done.stopped or "")
    assert "60000 output tokens" in (done.stopped or "")
    assert {waits.reason for waits in done.waiting.values()} == {"stopped"}


def test_given_a_first_call_without_an_answer_then_the_next_one_is_made_alone_too(endpoint, tmp_path):
    endpoint.answer = in_turn(failure(500), lambda _: counted(MOST))
    lake = lake_of(tmp_path, endpoint, ai_budget_usd=0.05, ai_concurrency=8, ai_retries=0)
    lake.enrich(*map(pattern_of, range(20)))
    assert len(endpoint.asked) == 2


def test_given_a_bad_reply_beyond_the_limit_of_output_then_it_is_not_asked_for_again(endpoint, tmp_path):
    endpoint.answer = lambda _: counted(MOST, "no JSON")
    done = lake_of(tmp_path, endpoint, ai_budget_usd=0.05).enrich(MOTOR)
    assert (len(endpoint.asked), done.waiting[MOTOR.text].reason) == (1, "stopped")


def test_given_no_budget_then_an_answer_beyond_the_limit_of_output_stops_nothing(endpoint, tmp_path):
    endpoint.answer = lambda _: counted(MOST)
    done = lake_of(tmp_path, endpoint).enrich(*map(pattern_of, range(5)))
    assert (done.accepted, done.stopped) == (5, None)


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {},
        [],
        {"prompt_tokens": 2000},
        {"prompt_tokens": 2000, "completion_tokens": None},
        {"prompt_tokens": 2000, "completion_tokens": "150"},
        {"prompt_tokens": True, "completion_tokens": 1},
        {"prompt_tokens": 1.5, "completion_tokens": 1},
        {"prompt_tokens": 2000, "completion_tokens": -1},
    ],
)
def test_given_an_answer_whose_tokens_nobody_counted_then_the_most_that_it_can_cost_is_charged(
    endpoint, tmp_path, usage
):
    endpoint.answer = lambda _: counted(usage)
    lake = lake_of(tmp_path, endpoint, ai_budget_usd=0.05)
    done = lake.enrich(MOTOR)
    most = most_tokens(messages(MOTOR, "es"), response_format(MOTOR.choices), lake.settings)
    assert done.accepted == 1
    assert float(done.cost_usd or 0) == pytest.approx((most.input * 0.4 + most.output * 1.6) / 1e6)


def test_given_details_of_usage_that_are_none_then_the_reply_is_kept(endpoint, tmp_path):
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": "many"}}
    endpoint.answer = lambda _: counted(usage)
    done = lake_of(tmp_path, endpoint).enrich(MOTOR)
    assert (done.accepted, done.tokens.input, done.tokens.output, done.tokens.cached) == (1, 10, 5, 0)


def test_given_a_budget_of_nothing_then_nobody_is_asked(endpoint, tmp_path):
    done = lake_of(tmp_path, endpoint, ai_budget_usd=0).enrich(MOTOR)
    assert (endpoint.asked, done.waiting[MOTOR.text].reason) == ([], "budget")


def test_given_a_budget_and_no_price_then_nobody_is_asked_and_the_message_says_why(endpoint, tmp_path):
    done = lake_of(tmp_path, endpoint, ai_budget_usd=1, ai_prices="").enrich(MOTOR)
    assert endpoint.asked == []
    assert "TRIBOLAKE_AI_PRICES" in (done.stopped or "")


def test_given_no_price_and_no_budget_then_the_cost_is_not_known(endpoint, tmp_path):
    done = lake_of(tmp_path, endpoint, ai_prices="").enrich(MOTOR)
    assert (done.accepted, done.cost_usd, done.tokens.input) == (1, None, INPUT_TOKENS)


def test_given_a_budget_without_a_price_then_it_cannot_be_made():
    with pytest.raises(ValueError, match="price"):
        Budget(limit=1, price=None)  # type: ignore[arg-type]


def test_given_a_cache_that_cannot_keep_then_the_wording_is_used_and_no_more_is_paid_for(endpoint, tmp_path):
    lake = lake_of(tmp_path, endpoint, ai_concurrency=1)
    (tmp_path / "oil-analysis").mkdir()
    (tmp_path / "oil-analysis" / "recommendations").write_text("no folder")
    done = lake.enrich(*map(pattern_of, range(10)))
    assert done.stopped
    assert len(endpoint.asked) <= 1


@pytest.mark.parametrize(
    ("milliseconds", "seconds", "expected"),
    [
        ("1500", "9", 1.5),
        (None, "2", 2),
        (None, "0.5", 0.5),
        (None, "soon", None),
        (None, None, None),
        (None, "-1", None),
    ],
)
def test_given_a_pause_then_it_is_read(milliseconds, seconds, expected):
    assert retry_after(milliseconds, seconds) == expected


def test_given_a_pause_as_a_date_then_it_is_read():
    assert retry_after(None, "Wed, 21 Oct 2015 07:28:00 GMT") == 0


def test_given_llmock_that_limits_and_breaks_then_it_finds_no_fault_with_the_caller(llmock: LLMock, tmp_path: Path):
    llmock.rate_limit(times=1, retry_after=0.5).fail(500).fail(503)
    llmock.reply(reply_of(), times=None)
    done = lake_of(tmp_path, llmock.base_url()).enrich(MOTOR)
    assert done.accepted == 1
    llmock.assert_resilient(strict=True)


def test_given_llmock_that_is_down_then_it_is_asked_as_often_as_the_setting_says(llmock: LLMock, tmp_path: Path):
    llmock.outage()
    done = lake_of(tmp_path, llmock.base_url(), ai_retries=1).enrich(MOTOR)
    assert done.waiting[MOTOR.text].reason == "server error"
    assert len(llmock.requests) == 2


def test_given_llmock_that_answers_at_random_then_the_rule_text_stays(llmock: LLMock, tmp_path: Path):
    lake = lake_of(tmp_path, llmock.base_url())
    done = lake.enrich(MOTOR)
    assert done.waiting[MOTOR.text].reason in ("rejected", "unreadable")
    assert not lake.knows(MOTOR)
