"""A page as one file that needs nothing else: its style is in it, and its own policy forbids scripts and requests."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path

from markupsafe import Markup

from tribolake.oil.limits.choice import LimitGroup
from tribolake.web.addresses import Addresses

STATIC = Path(__file__).parent / "static"
PAGE_STYLE, PICTURE_STYLE = STATIC / "tribolake.css", STATIC / "pictures.css"


class NoAddresses(Addresses):
    """The addresses of a file that is mailed: there are none."""

    def page(self, path: str, **query: object) -> str:
        return ""

    def machine(self, client: str, unit: str) -> str | None:
        return None

    def sample(
        self, path: str, client: str, number: str, occurrence: str | None, laboratory: str | None, **more: object
    ) -> str | None:
        return None

    def limit(self, path: str, group: LimitGroup, **more: object) -> str | None:
        return None


@cache
def style() -> Markup:
    """Return the style sheets, to stand in an element as they are."""
    text = "".join(file.read_text(encoding="utf-8") for file in (PAGE_STYLE, PICTURE_STYLE))
    assert "</" not in text  # noqa: S101 - it would end the element
    return Markup(f"\n{text}")  # noqa: S704 - a file of this package


@cache
def policy() -> str:
    """Return the policy of the file. It names the style by its hash and allows nothing else."""
    digest = base64.b64encode(hashlib.sha256(style().encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
