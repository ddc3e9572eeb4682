"""The process of `print_document`: HTML on standard input, PDF on standard output. It fetches nothing."""

from __future__ import annotations

import json
import sys

from weasyprint import HTML
from weasyprint.urls import URLFetcher

from tribolake.run.apart import limit_this_process

BYTES = 2 * 2**30  # of its address space


def main() -> None:
    """Answer one question."""
    asked = json.load(sys.stdin)
    limit_this_process(asked["seconds"], BYTES)
    # Without a protocol no address is fetched: WeasyPrint leaves out what it would name.
    document = HTML(string=asked["html"], url_fetcher=URLFetcher(allowed_protocols=()))
    sys.stdout.buffer.write(document.write_pdf())


if __name__ == "__main__":
    main()
