"""The process of `judge_apart` and `change_apart`: JSON on standard input and on standard output."""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from tribolake.errors import ConfigurationError
from tribolake.oil.limits.apart import choice_of, samples_of
from tribolake.oil.limits.status_change import change_of
from tribolake.oil.limits.trial import judge_choice
from tribolake.oil.limits.variants import ReportName
from tribolake.run.apart import limit_this_process
from tribolake.settings import load_settings
from tribolake.texts import one_line

BYTES = 4 * 2**30  # of its address space: the database has less, what Python reads of it is not counted there


def main() -> None:
    """Answer."""
    asked = json.load(sys.stdin)
    limit_this_process(asked["seconds"], BYTES)
    with tempfile.TemporaryDirectory(prefix="tribolake-") as folder:
        # No lake is opened: the question names the files, and the settings say where compiled models are kept.
        settings = load_settings(lake=Path(folder), memory_limit=asked["memory"])
        try:
            samples = samples_of(asked["samples"])
            if "report" in asked:
                answer = asdict(change_of(settings, samples, ReportName(**asked["report"])))
            else:
                answer = asdict(judge_choice(settings, samples, choice_of(asked["choice"])))
        except ConfigurationError as error:
            answer = {"refused": str(error)}
        except Exception as error:
            answer = {"failed": one_line(f"{type(error).__name__}: {error}")[:1000]}
    sys.stdout.write(json.dumps(answer, default=str))


if __name__ == "__main__":
    main()
