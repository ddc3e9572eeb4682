"""Tell errors of an endpoint for one pattern from errors that a person has to fix."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator

import httpx2
from openai import APIConnectionError, APIStatusError

from tribolake.oil.wording.dialect import REFUSING, refused_parts, sentence
from tribolake.oil.wording.masking import masked
from tribolake.oil.wording.reasons import ModelUnusable, Unanswered
from tribolake.texts import without_users

NO_CREDIT = (
    "the account at {endpoint} has no credit left ({said}): add credit, or raise its limit. A later run continues"
)
CLOSED = "the account at {endpoint} is closed ({said}): open it again there, or set another OPENAI_API_KEY"
OTHER_TEMPERATURE = (
    "{model} does not take this temperature ({said}): set TRIBOLAKE_AI_TEMPERATURE, empty for a model without one"
)
UNTRUSTED = (
    "the certificate of {endpoint} is not trusted ({said}): set SSL_CERT_FILE to a file with the certificate of its "
    "authority, or with its own certificate if it is self-signed"
)
UNUSABLE_ADDRESS = "{endpoint} cannot be called ({said}): correct OPENAI_BASE_URL, mostly to https://HOST/v1"
# Advice to a person, by status. No call is answered before.
ADVICE = {
    401: "{endpoint} does not know the key ({said}): set OPENAI_API_KEY",
    402: NO_CREDIT,
    403: "the key may not use {model} at {endpoint} ({said}): permit it there, or set OPENAI_MODEL",
    404: "{endpoint} has no model {model} ({said}): set OPENAI_MODEL, or correct OPENAI_BASE_URL (mostly …/v1)",
}
# Codes of OpenAI and compatible gateways for an account that cannot pay. Some come as 429, but a retry does not help.
ACCOUNT = {
    "insufficient_quota": NO_CREDIT,
    "insufficient_user_quota": NO_CREDIT,
    "billing_not_active": NO_CREDIT,
    "billing_hard_limit_reached": NO_CREDIT,
    "account_deactivated": CLOSED,
    "access_terminated": CLOSED,
}
OF_AN_ACCOUNT = frozenset({400, 401, 402, 403, 429})
FILTERED = frozenset({"content_filter", "content_policy_violation"})
MAY_PASS = frozenset({408, 409, 429})
CODE = re.compile(r"^[A-Za-z0-9_.-]{1,60}$")
WORD = re.compile(r"[a-z_]+")
LONGEST_DETAIL = 300


def explain(error: APIStatusError, *, endpoint: str, model: str, key: str) -> ModelUnusable | Unanswered:
    """Return what to raise instead of an error of the client. It has no eight characters of the key in a row."""
    status = error.status_code
    account = _of_an_account(error)
    code = account or _code(error, key)
    # A person needs the server's own words.
    said = f"HTTP {status}{f' ({code})' if code else ''}: {shown(sentence(error), key)}".rstrip(": ")
    advice = ACCOUNT[account] if account else ADVICE.get(status)
    if status in REFUSING and refused_parts(error) == {"temperature"}:
        advice = OTHER_TEMPERATURE
    if advice:
        return ModelUnusable(advice.format(endpoint=endpoint, model=model, said=said))
    if code in FILTERED:
        return Unanswered("refused", said)
    if status >= 500 or status in MAY_PASS:
        return Unanswered("busy" if status == 429 else "server error", said)
    return Unanswered("bad request", said)


def explain_connection(error: APIConnectionError, *, endpoint: str, key: str) -> ModelUnusable | Unanswered:
    """Return what to raise instead of an error of a connection."""
    causes = list(_causes(error))
    said = f"{type(causes[0]).__name__}: {shown(str(causes[0]), key)}".rstrip(": ")
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return ModelUnusable(UNTRUSTED.format(endpoint=endpoint, said=said))
    if isinstance(causes[0], (httpx2.UnsupportedProtocol, httpx2.InvalidURL)):
        return ModelUnusable(UNUSABLE_ADDRESS.format(endpoint=endpoint, said=said))
    return Unanswered("unreachable", f"{endpoint}: {said}")


def shown(text: str, key: str) -> str:
    """Return the beginning of an endpoint's text in one line, without keys and without users in addresses."""
    return without_users(" ".join(masked(text, key).split()))[:LONGEST_DETAIL]


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the causes of an error, the nearest first. Yields the error itself if it has none."""
    cause = error.__cause__ or error
    yield cause
    while (cause := cause.__cause__ or cause.__context__) is not None:  # type: ignore[assignment]
        yield cause


def _of_an_account(error: APIStatusError) -> str | None:
    """Return which of `ACCOUNT` an endpoint says: as code, as type, or in an error that is a text."""
    if error.status_code not in OF_AN_ACCOUNT:
        return None
    words = WORD.findall(error.body) if isinstance(error.body, str) else [error.code, error.type]
    return next((word for word in words if isinstance(word, str) and word in ACCOUNT), None)


def _code(error: APIStatusError, key: str) -> str:
    code = error.code or ""
    return code if CODE.match(code) and masked(code, key) == code else ""
