"""Render view models. No template can print a character that readers do not see."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from tribolake.texts import cut
from tribolake.web.addresses import FLEET, LIMITS, QUALITY, Addresses
from tribolake.web.pages import Page
from tribolake.web.words import LANGUAGES, TextWithCommands, Words

PRINTED_CHARTS = 9  # of a document
LONGEST_NAME = 120  # characters of a name in a table
LONGEST_TEXT = 4000  # characters of one text on a page: a cell of a workbook has up to 32,767


def _printed(value: object) -> object:
    """Return what a template prints: texts without control characters or marks that turn lines round, and not endless.

    Jinja calls it for each expression, before it escapes markup. A page has thousands, mostly short and plain.
    """
    if type(value) is str and len(value) <= LONGEST_TEXT and value.isprintable():
        return value
    if isinstance(value, TextWithCommands):
        return _with_commands(value)
    return cut(value, LONGEST_TEXT) if isinstance(value, str) and not isinstance(value, Markup) else value


def _with_commands(text: str) -> Markup:
    """Return a text whose parts between backticks are commands."""
    parts = enumerate(text.split("`"))
    return Markup().join(Markup("<code>{}</code>").format(part) if at % 2 else part for at, part in parts)


ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    finalize=_printed,
    trim_blocks=True,
    lstrip_blocks=True,
)


def _short(name: str) -> str:
    """Return a name for a table. Its own page has the whole of it."""
    return cut(name, LONGEST_NAME)


def _capital(name: str) -> str:
    """Return a name with a capital. Style sheets of documents cannot do it in a table."""
    return name[:1].upper() + name[1:]


ENVIRONMENT.filters |= {"short": _short, "capital": _capital}


@dataclass(frozen=True)
class Alone:
    """What a page needs that is a file of its own: see `web/alone.py`. `note` says when it was taken."""

    policy: str
    style: Markup
    note: str


@dataclass(frozen=True)
class Frame:
    """What stands around every page: its language, addresses, and a foot.

    The addresses are those of the fleet, of alarm quality, of limits and of the page in the other language.

    A page that is a file of its own has another layout, and no addresses.
    """

    language: str
    other_language: str
    other_href: str
    home: str
    quality: str
    limits: str
    foot: tuple[str, ...]
    user: str = ""  # who can log out
    layout: str = "base.html"
    alone: Alone | None = None


def frame_of(path: str, query: str, words: Words, own_language: str, foot: tuple[str, ...], user: str = "") -> Frame:
    """Return the frame of a page.

    Args:
        path: of its address.
        query: of its address, as it came.
        words: its language.
        own_language: the language of the settings, which addresses leave out.
        foot: lines at its end.
        user: who can log out. An empty one has no session.
    """
    (other,) = (language for language in LANGUAGES if language != words.language)
    given = {name: value for name, value in parse_qsl(query, errors="replace") if name != "lang"}
    own = Addresses(words.language if words.language != own_language else None)
    there = Addresses(other if other != own_language else None)
    home, quality, limits = (own.page(path) for path in (FLEET, QUALITY, LIMITS))
    return Frame(words.language, other, there.page(path, **given), home, quality, limits, foot, user)


def render(page: Page, frame: Frame, words: Words) -> str:
    """Return a page as HTML."""
    template = ENVIRONMENT.get_template(page.template)
    return template.render(page=page, model=page.model, frame=frame, words=words, most_charts=PRINTED_CHARTS)


def render_door(model: object, words: Words) -> str:
    """Return a page for somebody without a session as HTML."""
    return ENVIRONMENT.get_template("door.html").render(model=model, words=words)
