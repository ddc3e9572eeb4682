"""Log lines on stderr: text for people, or one JSON object a line for programs (`TRIBOLAKE_LOG_FORMAT=json`)."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from typing import Literal

from tribolake.cli.printable import in_json

Level = Literal["info", "warning", "error"]


# Until the settings are loaded, the environment says it: errors in the settings are logged too.
_form = os.environ.get("TRIBOLAKE_LOG_FORMAT", "text").lower()


def log_as(form: Literal["text", "json"]) -> None:
    """Set the form of all later lines of this process."""
    global _form  # noqa: PLW0603 - set once in a process
    _form = form


def is_json() -> bool:
    """Return whether log lines are JSON."""
    return _form == "json"


def log(message: str, level: Level = "info", *, text: str | None = None) -> None:
    """Write a line to stderr.

    Args:
        message: what is said.
        level: `error` ends the command, `warning` needs a look.
        text: the line for people. By default it is the message, after the name of the program unless it is information.
    """
    if is_json():
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = in_json(json.dumps({"at": at, "level": level, "message": message}, ensure_ascii=False))
    else:
        line = text or (message if level == "info" else f"tribolake: {message}")
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
