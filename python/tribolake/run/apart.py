"""Ask a module in a process of its own: a server goes on answering, can end it, and shows it no credentials."""

from __future__ import annotations

import os
import resource
import subprocess
from contextlib import suppress

from tribolake.errors import TribolakeError
from tribolake.processes import module_command

PATIENCE_SECONDS = 5
# The child gets these variables and no others: credentials and keys are among the others.
PASSED_ON = ("PATH", "HOME", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TZ", "VIRTUAL_ENV", "TRIBOLAKE_CACHE_DIR", "TMPDIR")
MODEST = {"MALLOC_ARENA_MAX": "1", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


class AnswerOverdue(TribolakeError):
    """A process did not answer in time, and was ended."""


def answer_apart(module: str, question: bytes, seconds: float) -> tuple[bytes, int | None]:
    """Run a module of ours with a question on its standard input.

    Returns:
        What it wrote to its standard output, and its exit code.

    Raises:
        AnswerOverdue: it takes longer than `seconds`. The process is ended.
    """
    passed = {name: text for name, text in os.environ.items() if name in PASSED_ON or name.startswith("PYTHON")}
    with subprocess.Popen(  # noqa: S603 - our own module, what is asked comes on its standard input
        module_command(module),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=passed | MODEST,
    ) as child:
        try:
            written, _ = child.communicate(question, timeout=seconds)
        except subprocess.TimeoutExpired as error:
            raise AnswerOverdue(f"no answer in {seconds:g} s") from error
        finally:
            child.kill()
            with suppress(subprocess.TimeoutExpired):
                child.wait(PATIENCE_SECONDS)
    return written, child.returncode


def limit_this_process(seconds: float, size: int) -> None:
    """Limit processor time and bytes of address space: a parent that is gone does not leave this process behind."""
    whole = int(seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (whole, whole))
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
