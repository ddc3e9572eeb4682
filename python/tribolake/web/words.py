"""The language of a page: its texts, the field's words of the seeds, and numbers and days as readers write them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import cache, lru_cache
from pathlib import Path

from babel.dates import format_date
from babel.numbers import format_decimal, format_percent

from tribolake.oil.seeds import read_seed
from tribolake.web.typed import TWO_MEANINGS

LANGUAGES = ("es", "en")
TEXTS = Path(__file__).parent / "texts"


KEPT = 20_000  # written numbers and days: a page has hundreds of them, and pages have the same ones


def _number(value: float | str, language: str) -> str:
    try:
        exact = Decimal(value if isinstance(value, str) else f"{value:.15g}")
    except InvalidOperation:
        return str(value)
    if not exact.is_finite():
        return str(value)
    # Without quantization no digit of gold is rounded away.
    return str(format_decimal(exact, "#,##0.###", locale=language, decimal_quantization=False))


_kept_number = lru_cache(maxsize=KEPT, typed=True)(_number)


@lru_cache(maxsize=KEPT)
def _written_day(day: date, pattern: str, language: str) -> str:
    return str(format_date(day, pattern, locale=language))


class TextWithCommands(str):
    """A text of the pages that names commands or files between backticks."""

    __slots__ = ()


@dataclass(frozen=True)
class Words:
    """Texts of pages and of seeds in one language."""

    language: str
    texts: Mapping[str, str]
    field: Mapping[str, str]

    def __call__(self, text_id: str, /, **values: object) -> str:
        """Return a text of the pages. If its `n` is one, a text `….one` stands for it. Raises KeyError without one."""
        one = self.texts.get(f"{text_id}.one") if str(values.get("n")) == "1" else None
        said = (one or self.texts[text_id]).format(**values)
        return TextWithCommands(said) if "`" in self.texts[text_id] else said

    def of_field(self, name: str, default: str) -> str:
        """Return a word of the field, such as `essay.Hierro`. The default is the published name."""
        return self.field.get(name, default)

    def essay(self, name: str) -> str:
        return self.of_field(f"essay.{name}", name)

    def status(self, name: str | None) -> str:
        return self.of_field(f"status.{name}", name or "")

    def kind(self, name: str | None) -> str:
        """Return a kind of machine. A name that no seed has stays what it is."""
        return self.of_field(f"kind.{name}", name or "")

    def family(self, name: str | None) -> str:
        """Return a family of components. A name that no seed has stays what it is."""
        return self.of_field(f"component.{name}", name or "")

    def sump(self, name: str) -> str:
        return self.of_field(f"sump.{name}", name)

    def of_row(self, row: Mapping[str, str], column: str) -> str:
        """Return a text of a seed's row. In another language than English it is in `reason_es` beside `reason`."""
        return row.get(f"{column}_{self.language}") or row[column]

    def unit(self, name: str | None) -> str:
        """Return a unit as people write it. Scales without a unit, such as an index, have none."""
        return self.of_field(f"unit.{name}", name or "")

    def number(self, value: float | str | None) -> str:
        """Return a number in this language. A text that is not a number stays what it is: `<0,05`."""
        if value is None:
            return ""
        # Texts are not kept: they come from files, and may be long.
        return _number(value, self.language) if isinstance(value, str) else _kept_number(value, self.language)

    def typed(self, value: float) -> str:
        """Return a number as a reader of this language types it: without marks between thousands."""
        exact = Decimal(f"{value:.15g}")
        said = str(format_decimal(exact, "0.###", locale=self.language, decimal_quantization=False))
        return f"{said}0" if TWO_MEANINGS.fullmatch(said) else said

    def percent(self, share: float) -> str:
        """Return a share in whole per cent."""
        return str(format_percent(Decimal(f"{share:.15g}"), "#,##0 %", locale=self.language))

    def day(self, day: date | str | None) -> str:
        """Return a day in this language. `day` may be ISO text. Returns an empty text without one."""
        parsed = date.fromisoformat(day[:10]) if isinstance(day, str) and day else day
        return _written_day(parsed, "d MMM y", self.language) if parsed else ""

    def month(self, day: date) -> str:
        """Return a month with its year."""
        return _written_day(day, "MMM y", self.language)

    def moment(self, moment: str) -> str:
        """Return a time in UTC, given as ISO text, to the minute."""
        return f"{self.day(moment)} {datetime.fromisoformat(moment):%H:%M}"

    def days(self, days: int) -> str:
        return self("days", n=self.number(days))

    def age(self, days: int) -> str:
        """Return how long ago something was."""
        if days <= 0:
            return self("age.today")
        return self("age", n=self.number(days))


@cache
def words_in(language: str) -> Words:
    """Return the words of one of LANGUAGES."""
    texts = tomllib.loads((TEXTS / f"{language}.toml").read_text(encoding="utf-8"))
    return Words(language, texts, {row["text_id"]: row["text"] for row in read_seed(f"texts_{language}")})
