"""The process of `print_document`: HTML on standard input, PDF on standard output. It fetches nothing."""

from __future__ import annotations

import json
import sys
from typing import NoReturn

from weasyprint import HTML

from tribolake.run.apart import limit_this_process

BYTES = 2 * 2**30  # of its address space


def refuse(address: str) -> NoReturn:
    """Fetch nothing. WeasyPrint leaves out what cannot be fetched.

    Raises:
        ValueError: always.
    """
    raise ValueError(f"{address[:100]} is not fetched")


def main() -> None:
    """Answer one question."""
    asked = json.load(sys.stdin)
    limit_this_process(asked["seconds"], BYTES)
    sys.stdout.buffer.write(HTML(string=asked["html"], url_fetcher=refuse).write_pdf())


if __name__ == "__main__":
    main()
