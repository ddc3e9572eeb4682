"""What an endpoint's refusal means: nothing but trouble for one pattern, or a person has to do something."""

from __future__ import annotations

import re

from openai import APIStatusError

from tribolake.oil.wording.masking import masked
from tribolake.oil.wording.reasons import ModelUnusable, Unanswered

NO_CREDIT = "the account at {endpoint} has no credit left ({said}): add credit, or raise its limit; a later run goes on"
CLOSED = "the account at {endpoint} is closed ({said}): have it opened again there, or set another OPENAI_API_KEY"
OTHER_TEMPERATURE = (
    "{model} does not take this temperature ({said}): set TRIBOLAKE_AI_TEMPERATURE, to nothing for a model without one"
)
# What a person has to do before any call is answered, by status.
ADVICE = {
    401: "{endpoint} does not know the key ({said}): set OPENAI_API_KEY",
    402: NO_CREDIT,
    403: "the key may not use {model} at {endpoint} ({said}): permit it there, or set OPENAI_MODEL",
    404: "{endpoint} has no model {model} ({said}): set OPENAI_MODEL, or mend OPENAI_BASE_URL (mostly …/v1)",
}
# What OpenAI, and gateways that speak as it does, call an account that pays for nothing any more. Some of it comes as
# 429, but asking again is in vain.
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
# What a server may call an error: a name. Its sentences may repeat what it was sent.
CODE = re.compile(r"^[A-Za-z0-9_.-]{1,60}$")
WORD = re.compile(r"[a-z_]+")
LONGEST_DETAIL = 300


def explain(error: APIStatusError, *, endpoint: str, model: str, key: str) -> ModelUnusable | Unanswered:
    """What to raise instead of an error of the client; no eight characters of the key in a row are in it."""
    status = error.status_code
    account = _of_an_account(error)
    code = account or _code(error, key)
    said = f"HTTP {status}{f' ({code})' if code else ''}"
    advice = ACCOUNT[account] if account else ADVICE.get(status)
    if error.param == "temperature":
        advice = OTHER_TEMPERATURE
    if advice:
        return ModelUnusable(advice.format(endpoint=endpoint, model=model, said=said))
    if code in FILTERED:
        return Unanswered("refused", said)
    if status >= 500 or status in MAY_PASS:
        return Unanswered("busy" if status == 429 else "server error", said)
    # Without the server's own words nobody could mend the request.
    words = " ".join(masked(str(error.message), key).split())
    return Unanswered("bad request", f"{said}: {words}"[:LONGEST_DETAIL])


def _of_an_account(error: APIStatusError) -> str | None:
    """Which of `ACCOUNT` an endpoint says: as code, as type, or somewhere in an error that is a mere text."""
    if error.status_code not in OF_AN_ACCOUNT:
        return None
    words = WORD.findall(error.body) if isinstance(error.body, str) else [error.code, error.type]
    return next((word for word in words if isinstance(word, str) and word in ACCOUNT), None)


def _code(error: APIStatusError, key: str) -> str:
    code = error.code or ""
    return code if CODE.match(code) and masked(code, key) == code else ""
