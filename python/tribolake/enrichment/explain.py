"""What an endpoint's refusal means: nothing but trouble for one pattern, or a person has to do something."""

from __future__ import annotations

import re

from openai import APIStatusError

from tribolake.enrichment.reasons import ModelUnusable, Unanswered

NO_CREDIT = "the account at {endpoint} has no credit left ({said}): add credit, or raise its limit; a later run goes on"
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
QUOTA = "insufficient_quota"  # comes as 429, but asking again is in vain
FILTERED = frozenset({"content_filter", "content_policy_violation"})
MAY_PASS = frozenset({408, 409, 429})
# What a server may call an error: a name. Its sentences may repeat what it was sent.
CODE = re.compile(r"^[A-Za-z0-9_.-]{1,60}$")
LONGEST_DETAIL = 300


def explain(error: APIStatusError, *, endpoint: str, model: str, key: str) -> ModelUnusable | Unanswered:
    """What to raise instead of an error of the client; the key is in none of it."""
    status = error.status_code
    code = error.code if error.code and CODE.match(error.code) and key not in error.code else ""
    said = f"HTTP {status}{f' ({code})' if code else ''}"
    advice = NO_CREDIT if QUOTA in (error.code, error.type) else ADVICE.get(status)
    if error.param == "temperature":
        advice = OTHER_TEMPERATURE
    if advice:
        return ModelUnusable(advice.format(endpoint=endpoint, model=model, said=said))
    if code in FILTERED:
        return Unanswered("refused", said)
    if status >= 500 or status in MAY_PASS:
        return Unanswered("busy" if status == 429 else "server error", said)
    # Without the server's own words nobody could mend the request.
    words = " ".join(str(error.message).replace(key, "***").split())
    return Unanswered("bad request", f"{said}: {words}"[:LONGEST_DETAIL])
