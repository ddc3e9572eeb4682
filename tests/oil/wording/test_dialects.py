"""Test endpoints that speak a dialect of OpenAI's chat completions, and endpoints that cannot serve."""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pytest_httpserver import HTTPServer
from tests.support.model_endpoints import (
    KEY,
    Asked,
    Endpoint,
    answered,
    completion,
    failure,
    in_turn,
    lake_of,
    open_endpoint,
    pattern_of,
    reply_of,
)
from werkzeug import Request, Response

from tribolake.oil.steps import result_of
from tribolake.oil.wording.result import Enrichment
from tribolake.run.report import RunReport

MOTOR = pattern_of()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with open_endpoint() as opened:
        yield opened


def report_of(done: Enrichment) -> RunReport:
    """Return the report of a run that did nothing else."""
    return RunReport("run", "default", "es", results={"recommendations": result_of(done)})


def unsupported(name: str) -> Response:
    """Return the refusal of OpenAI."""
    return failure(400, "unsupported_parameter", message=f"Unsupported parameter: '{name}'.", param=name)


def extra(name: str) -> Response:
    """Return the refusal of FastAPI, which repeats the request."""
    detail = {"type": "extra_forbidden", "loc": ["body", name], "input": {"temperature": 1, "response_format": 2}}
    return Response(json.dumps({"detail": [detail]}), 422, content_type="application/json")


def said(text: str) -> Response:
    return Response(json.dumps({"error": text}), 400, content_type="application/json")


Dialect = Callable[[dict[str, Any]], Response | None]


def without_schema(body: dict[str, Any]) -> Response | None:
    return extra("response_format") if body.get("response_format", {}).get("type") == "json_schema" else None


DIALECTS: dict[str, Dialect] = {
    "limit": lambda body: None if "max_tokens" in body else unsupported("max_completion_tokens"),
    "limit, 422": lambda body: None if "max_tokens" in body else extra("max_completion_tokens"),
    "limit, a text": lambda body: None if "max_tokens" in body else said("no max_completion_tokens here"),
    "schema": without_schema,
    "formats": lambda body: unsupported("response_format") if "response_format" in body else None,
    "both": lambda body: without_schema(body) or (None if "max_tokens" in body else extra("max_completion_tokens")),
}


def speaking(dialect: Dialect) -> Callable[[Asked], Response]:
    return lambda asked: dialect(asked.body) or answered(reply_of())


def test_refused_part_of_a_request_is_learned_once(endpoint, tmp_path):
    for name, dialect in DIALECTS.items():
        endpoint.asked.clear()
        endpoint.answer = speaking(dialect)
        done = lake_of(tmp_path / name, endpoint, ai_retries=0).enrich(*map(pattern_of, range(6)))
        assert (done.accepted, done.failed, done.stopped) == (6, 0, None), name
        assert len(endpoint.asked) <= 6 + 2
        limits = {each.body.get("max_tokens") or each.body["max_completion_tokens"] for each in endpoint.asked}
        assert limits == {800}


CONTENTS = {
    "fence": f"```json\n{reply_of()}\n```",
    "thoughts": f"<think>{{K01}} {reply_of()}</think>\n{reply_of()}",
    "parts": [{"type": "thinking", "thinking": "{"}, *({"type": "text", "text": half} for half in (reply_of(), "\n"))],
}


def test_fenced_or_split_content_is_read(endpoint, tmp_path):
    for name, content in CONTENTS.items():
        endpoint.answer = lambda _, content=content: answered(content)
        done = lake_of(tmp_path / name, endpoint).enrich(MOTOR)
        assert (done.accepted, done.asked) == (1, 1), name
    assert len(endpoint.asked) == len(CONTENTS)


NOT_SERVING = {
    "no JSON": (
        answered("I am a teapot."),
        2,
        "gave no JSON object with .* fields: set another OPENAI_MODEL",
    ),
    "cut off": (answered("{", ended="length"), 2, r"are cut off: raise TRIBOLAKE_AI_MAX_OUTPUT_TOKENS \(now 800\)"),
    "other ids": (answered(reply_of(steps=[])), 8, "did not keep to the choices 4 times in a row"),
    "a page": (Response("<html>Sign in</html>"), 1, "without chat completions .*<html>Sign in</html>"),
    "an error as 200": (Response('{"error": "no such route"}'), 1, "no such route.*correct OPENAI_BASE_URL"),
}


def test_endpoint_that_cannot_serve_is_named_at_once(endpoint, tmp_path):
    for name, (answer, calls, words) in NOT_SERVING.items():
        endpoint.asked.clear()
        endpoint.answer = lambda _, answer=answer: answer
        done = lake_of(tmp_path / name, endpoint, ai_concurrency=8).enrich(*map(pattern_of, range(30)))
        assert (len(endpoint.asked), len(done.waiting)) == (calls, 30), name
        assert re.search(words, done.stopped or "")
        assert report_of(done).needs_a_look


def test_bad_reply_after_a_good_one_stops_nothing(endpoint, tmp_path):
    endpoint.answer = in_turn(answered(reply_of()), answered("no"), answered("no"), answered(reply_of()))
    done = lake_of(tmp_path, endpoint, ai_concurrency=1).enrich(*map(pattern_of, range(3)))
    assert (done.accepted, done.failed, done.stopped) == (2, 1, None)


def test_words_of_the_endpoint_are_shown(endpoint, tmp_path):
    for status in (400, 401, 403, 404, 422, 429, 500):
        endpoint.answer = lambda _, status=status: failure(status, message="ask  Ana\nfirst")
        done = lake_of(tmp_path, endpoint, ai_retries=0).enrich(MOTOR)
        assert f"HTTP {status}: ask Ana first" in (done.stopped or "")


def test_temperature_refused_in_words_is_for_a_person(endpoint, tmp_path):
    endpoint.answer = lambda _: extra("temperature")
    done = lake_of(tmp_path, endpoint).enrich(*map(pattern_of, range(9)))
    assert "set TRIBOLAKE_AI_TEMPERATURE" in (done.stopped or "")
    assert len(endpoint.asked) == 1


def test_deployment_of_azure_gets_its_version_and_key(tmp_path):
    seen: list[Request] = []

    def answer(request: Request) -> Response:
        seen.append(request)
        return answered(reply_of())

    with HTTPServer(host="127.0.0.1") as server:
        server.expect_request("/openai/deployments/one/chat/completions").respond_with_handler(answer)
        address = server.url_for("/openai/deployments/one?api-version=2024-10-21")
        done = lake_of(tmp_path, address).enrich(MOTOR)
    assert done.accepted == 1
    assert (seen[0].args["api-version"], seen[0].headers["api-key"]) == ("2024-10-21", KEY)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A self-signed certificate of 127.0.0.1 with its key, in one file."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(1), now + timedelta(1))
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    signed = builder.add_extension(names, critical=True).sign(key, hashes.SHA256())
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    path = tmp_path / "own.pem"
    path.write_bytes(signed.public_bytes(pem) + key.private_bytes(pem, form, serialization.NoEncryption()))
    return path


def test_self_signed_endpoint_is_named_until_it_is_trusted(tmp_path, certificate, monkeypatch):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with HTTPServer(host="127.0.0.1", ssl_context=context) as server:
        server.expect_request("/v1/chat/completions").respond_with_json(completion(reply_of()))
        lake = lake_of(tmp_path, server.url_for("/v1"))
        done = lake.enrich(*map(pattern_of, range(9)))
        assert "is not trusted" in (done.stopped or "")
        assert "set SSL_CERT_FILE" in (done.stopped or "")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert lake.enrich(MOTOR).accepted == 1


VARIABLES = {
    "socks": ({"ALL_PROXY": "socks5://127.0.0.1:1"}, "correct HTTPS_PROXY, HTTP_PROXY and ALL_PROXY"),
    "a scheme": ({"ALL_PROXY": "ftp://u:secret@proxy:1"}, "correct HTTPS_PROXY, HTTP_PROXY and ALL_PROXY"),
    "a port": ({"ALL_PROXY": "http://u:secret@proxy:port"}, "correct HTTPS_PROXY, HTTP_PROXY and ALL_PROXY"),
    "no authorities": ({"SSL_CERT_FILE": "/none.pem"}, "correct SSL_CERT_FILE and SSL_CERT_DIR"),
}


@pytest.mark.parametrize(("variables", "advice"), VARIABLES.values(), ids=VARIABLES)
def test_unusable_proxy_or_authorities_say_what_to_set(tmp_path, monkeypatch, variables, advice):
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    done = lake_of(tmp_path, "http://model.invalid/v1").enrich(MOTOR)
    assert advice in (done.stopped or "")
    assert "secret" not in (done.stopped or "")
    assert done.waiting[MOTOR.text].reason == "stopped"
