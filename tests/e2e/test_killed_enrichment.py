"""Kill a process that asks the model many times. No accepted reply is paid for twice."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from tests.support.model_endpoints import Asked, Endpoint, answered, lake_of, open_endpoint, pattern_of, reply_of

from tribolake.settings import PROJECT_DIR

PATTERNS = 60
CONCURRENCY = 4
LATENCY_SECONDS = 0.1
KILLED_AFTER_SECONDS = (0.02, 0.6)  # after its first question
MOST_KILLS = 200
CHILD = """
import os
import sys
from pathlib import Path

from tests.support.model_endpoints import lake_of, pattern_of
from tribolake.oil.wording.enrich import enrich
from tribolake.oil.wording.result import Pending


def say(*words):
    os.write(1, (" ".join(words) + "\\n").encode())  # threads write at the same time


folder, address, patterns, concurrency = sys.argv[1:]
lake = lake_of(Path(folder), address, ai_concurrency=int(concurrency))
wordings = lake.wordings


class ReportingWordings:
    find = staticmethod(wordings.find)

    @staticmethod
    def keep(wording):
        # The first step with an accepted reply, before anything is written.
        say("accepted", wording.pattern)
        wordings.keep(wording)
        say("kept", wording.pattern)


done = enrich(lake.settings, [Pending(pattern_of(at), 1) for at in range(int(patterns))], ReportingWordings)
say("done", str(len(done.wordings)))
"""


@pytest.mark.slow
@pytest.mark.thorough
def test_killed_process_never_asks_again_for_stored_wording(tmp_path):
    dice = random.Random(7)  # noqa: S311 - moments, not secrets
    kills = 0
    lost = 0  # accepted, but not on the disk before the kill
    with open_endpoint() as endpoint:
        began = threading.Event()

        def answer(_: Asked):
            began.set()
            time.sleep(LATENCY_SECONDS)
            return answered(reply_of())

        endpoint.answer = answer
        lake = lake_of(tmp_path, endpoint)
        patterns = {pattern.text: pattern for pattern in map(pattern_of, range(PATTERNS))}
        while kills < MOST_KILLS:
            stored = {text for text, pattern in patterns.items() if lake.knows(pattern)}
            before = endpoint.times_asked()
            began.clear()
            said, was_killed = _run(tmp_path, endpoint, began, dice.uniform(*KILLED_AFTER_SECONDS))
            kills += was_killed
            asked_now = endpoint.times_asked() - before
            # No stored wording was asked for again.
            assert not [text for text in stored if asked_now[json.loads(text)["component"]]]
            # Wordings reported as kept are stored. An accepted reply can only be lost during its write.
            kept = {text for what, _, text in said if what == "kept"}
            accepted = {text for what, _, text in said if what == "accepted"}
            assert all(lake.knows(patterns[text]) for text in kept)
            lost += len([text for text in accepted if not lake.knows(patterns[text])])
            if not was_killed:
                break
        assert said[-1] == ("done", " ", str(PATTERNS))
        assert all(lake.knows(pattern) for pattern in patterns.values())
        assert kills > 3
        # Only questions that a kill interrupted are asked again.
        again = sum((endpoint.times_asked() - Counter(endpoint.times_asked().keys())).values())
        assert again <= kills * CONCURRENCY
        assert lost <= kills * CONCURRENCY


def _run(folder: Path, endpoint: Endpoint, began: threading.Event, seconds: float) -> tuple[list, bool]:
    """Run a process and kill it some seconds after its first question. Returns its output and whether it was killed."""
    arguments = [str(folder), endpoint.base_url, str(PATTERNS), str(CONCURRENCY)]
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, *arguments], stdout=subprocess.PIPE, text=True, cwd=PROJECT_DIR
    )
    while process.poll() is None and not began.wait(0.05):
        pass  # it starts, or has nothing to ask for
    try:
        out, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        out, _ = process.communicate()
    return [line.partition(" ") for line in out.splitlines()], process.returncode != 0
