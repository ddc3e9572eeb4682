"""Load the settings from flags, the environment and `.env`."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from dotenv import dotenv_values
from pydantic import ValidationError

from tribolake.errors import ConfigurationError
from tribolake.settings.groups import FORMS, may_be_none
from tribolake.settings.settings import S3_SCHEME, SETTINGS, Settings

OWN = "TRIBOLAKE_"
Origin = Literal["flag", "environment", ".env", "default"]


@dataclass(frozen=True)
class GivenValue:
    """The value of a setting, and its origin: a flag, or a variable in the environment or `.env`."""

    value: object
    variable: str  # for a flag, the corresponding variable
    origin: Origin


def load_settings(**flags: object) -> Settings:
    """Load the settings. A flag that is None falls back to the environment.

    Raises:
        ConfigurationError: a value is invalid. The message names the variable and the expected form.
    """
    given = read_given(flags)
    values: dict[str, Any] = {}
    for name, one in given.items():
        *group, field = SETTINGS[name].place
        (values.setdefault(group[0], {}) if group else values)[field] = one.value
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        wrong = "; ".join(f"{_variable(e['loc'], given)}: {_problem(e)}" for e in error.errors())
        raise ConfigurationError(f"{wrong}. Fix the flag, the environment variable or .env") from error


def read_given(flags: Mapping[str, object]) -> dict[str, GivenValue]:
    """Read the values that flags and variables give, unchecked. Settings with their default are left out."""
    given: dict[str, GivenValue] = {}
    places = _variables()
    for name, known in SETTINGS.items():
        for origin, variables in places.items():
            for variable in known.variables:
                value = variables.get(variable)
                # Those who start containers set a variable without text for each that they do not have.
                if value is not None and (value.strip() or may_be_none(known.field)):
                    given.setdefault(name, GivenValue(value, variable, origin))
        if (flag := flags.get(name)) is not None:
            given[name] = GivenValue(flag, known.variables[0], "flag")
    if str(given["lake"].value if "lake" in given else "").startswith(S3_SCHEME):
        given |= _lake_on_s3(given.pop("lake"))
    return given


def unknown_variables() -> dict[str, str | None]:
    """Find `TRIBOLAKE_` variables that set nothing. Returns for each the nearest known variable, if one is near."""
    known = {variable.removeprefix(OWN) for each in SETTINGS.values() for variable in each.variables}
    found = {name.removeprefix(OWN) for place in _variables().values() for name in place if name.startswith(OWN)}
    found = {name for name in found if not name.startswith("TEST_")}  # those of the project's own tests
    near = {name: difflib.get_close_matches(name, known, n=1) for name in sorted(found - known)}
    return {f"{OWN}{name}": f"{OWN}{matches[0]}" if matches else None for name, matches in near.items()}


def _variables() -> dict[Origin, dict[str, str | None]]:
    """Read the variables of each place, in order of precedence, with names in upper case.

    Raises:
        ConfigurationError: `.env` cannot be read.
    """
    try:
        in_file = dotenv_values(".env")
    except (OSError, ValueError) as error:
        raise ConfigurationError(f".env cannot be read ({error}): correct it, or save it as UTF-8") from error
    places: dict[Origin, Mapping[str, str | None]] = {"environment": os.environ, ".env": in_file}
    return {origin: {name.upper(): value for name, value in place.items()} for origin, place in places.items()}


def _lake_on_s3(lake: GivenValue) -> dict[str, GivenValue]:
    """Translate `s3://bucket` or `s3://bucket/prefix` into settings."""
    bucket, _, prefix = str(lake.value).removeprefix(S3_SCHEME).rstrip("/").partition("/")
    values = {"storage_mode": "s3", "s3_bucket": bucket} | ({"prefix": prefix} if prefix else {})
    return {name: GivenValue(value, SETTINGS[name].variables[0], lake.origin) for name, value in values.items()}


def _variable(place: tuple[int | str, ...], given: Mapping[str, GivenValue]) -> str:
    """Find the variable that set the value at a place."""
    known = next(known for known in SETTINGS.values() if known.place == place[: len(known.place)])
    return given[known.name].variable if known.name in given else known.variables[0]


def _problem(error: Mapping[str, Any]) -> str:
    """Describe a problem without showing the value or a regular expression."""
    form = FORMS.get(error.get("ctx", {}).get("pattern", ""))
    return f"it is not {form}" if form else str(error["msg"]).removeprefix("Value error, ")
