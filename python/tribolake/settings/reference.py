"""Make the page `docs/settings.md` from the declarations of settings."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from tribolake.settings.groups import FORMS, Group
from tribolake.settings.settings import SETTINGS, Setting, Settings

PAGE = """# Settings

<!-- Written by `tribolake config reference`. Change the declarations in python/tribolake/settings, not this page. -->

A setting is a flag of a command, an environment variable, or a line of the file `.env` in the working directory. The
first of these that sets it counts, else the default. If several variables set the same setting, the first one in the
tables below counts. Variables may be written in lower case. `tribolake config show` prints each value and its origin.

Two things are not settings of tribolake. The credentials of S3 come from the standard AWS chain. `CLIENT` is the flag
`--client` of `tribolake run`.
"""
TABLE = "| variable | default | form | meaning |\n|---|---|---|---|\n"
BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "minLength": "length ≥", "maxLength": "length ≤"}
WORDS = {
    "array": "a JSON list of texts",
    "boolean": "`true` or `false`",
    "integer": "a whole number",
    "number": "a number",
    "password": "a secret text",
    "path": "a path",
    "string": "a text",
}


def settings_page() -> str:
    """Write the page in Markdown."""
    parts = [PAGE]
    for place, settings in groupby(SETTINGS.values(), lambda known: known.place[:-1]):
        group: type[Group] = type(Settings.model_fields[place[0]].default) if place else Settings
        forms = group.model_json_schema()["properties"]
        rows = "".join(_row(known, forms[known.place[-1]]) for known in settings)
        parts.append(f"## {' '.join(place) or 'lake'}\n\n{group.__doc__}\n\n{TABLE}{rows}")
    return "\n".join(parts)


def _row(known: Setting, schema: Mapping[str, Any]) -> str:
    names = ", ".join(f"`{variable}`" for variable in known.variables)
    default = known.field.default
    shown = "" if default in (None, "", ()) else f"`{str(default).lower() if isinstance(default, bool) else default}`"
    return f"| {names} | {shown} | {_form(schema)} | {known.field.description} |\n"


def _form(schema: Mapping[str, Any]) -> str:
    """Describe the form of a value."""
    form = schema.get("anyOf", [schema])[0]
    if "enum" in form:
        return "one of " + ", ".join(f"`{value}`" for value in form["enum"])
    if "pattern" in form:
        return FORMS[form["pattern"]]
    bounds = [f"{sign} {form[name]:g}" for name, sign in BOUNDS.items() if name in form]
    return f"{WORDS[form.get('format', form['type'])]} {', '.join(bounds)}".strip()
