"""The form that asks what other limits would do. Its choice stays in the address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tribolake.oil.limits.choice import LimitGroup
from tribolake.web.addresses import WHAT_IF, Addresses, group_query
from tribolake.web.words import Words

UPPER_FIELDS = ("marginal", "condenatorio", "critico")
LOWER_FIELDS = ("lower_marginal", "lower_condenatorio", "lower_critico")


@dataclass(frozen=True)
class Option:
    value: str
    label: str
    is_chosen: bool


@dataclass(frozen=True)
class Choices:
    """A field of a form that offers values."""

    name: str
    label: str
    options: tuple[Option, ...]


@dataclass(frozen=True)
class Number:
    """A field for a number."""

    name: str
    label: str
    value: str


@dataclass(frozen=True)
class TrialForm:
    """A form. `hidden` are parameters that a reader does not change. `note` says what is judged."""

    hidden: tuple[tuple[str, str], ...]
    choices: tuple[Choices, ...]
    numbers: tuple[Number, ...]
    note: str
    action: str = WHAT_IF


def group_form(
    group: LimitGroup, how: str, written: Mapping[str, str], words: Words, addresses: Addresses, *, has_lower: bool
) -> TrialForm:
    """Return the form about the limits of a group.

    Args:
        group: the group.
        how: `limit` or `percentile`.
        written: numbers as they were typed, by field.
        words: the language.
        addresses: those of pages.
        has_lower: whether its essay is judged downwards too.
    """
    fields = (*UPPER_FIELDS, *(LOWER_FIELDS if has_lower else ()))
    hows = (Option(one, words(f"whatif.how.{one}"), one == how) for one in ("limit", "percentile"))
    return TrialForm(
        _hidden(group_query(group), addresses),
        (Choices("how", words("whatif.how"), tuple(hows)),),
        tuple(Number(name, words(f"whatif.field.{name}"), written.get(name, "")) for name in fields),
        words("whatif.note"),
    )


def policy_form(
    clients: Sequence[str], client: str, policies: Sequence[str], policy: str, words: Words, addresses: Addresses
) -> TrialForm:
    """Return the form about another policy, for all groups of a client."""
    return TrialForm(
        _hidden({"how": "policy"}, addresses),
        (
            Choices(
                "client", words("filter.client"), tuple(Option(one, one.upper(), one == client) for one in clients)
            ),
            Choices("policy", words("whatif.policy"), tuple(Option(one, one, one == policy) for one in policies)),
        ),
        (),
        words("whatif.note_policy"),
    )


def _hidden(query: Mapping[str, str], addresses: Addresses) -> tuple[tuple[str, str], ...]:
    language = {"lang": addresses.language} if addresses.language else {}
    return tuple((name, value) for name, value in {**query, **language}.items() if value)
