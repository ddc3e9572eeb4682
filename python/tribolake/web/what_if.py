"""The pages of limits: the list, a group, and what other limits would do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Any

from tribolake.errors import ConfigurationError
from tribolake.oil.feedback.entry import standing
from tribolake.oil.feedback.shelf import read_feedback
from tribolake.oil.limits.apart import TrialFailed, TrialOverdue
from tribolake.oil.limits.choice import NONE, Choice, LimitGroup, Numbers, as_seed, seed_row
from tribolake.oil.limits.impact import Impact, impact_of
from tribolake.oil.limits.other_limits import LOWER, UPPER, numbers_of
from tribolake.oil.limits.published_samples import PublishedSamples, published_samples
from tribolake.oil.limits.trial import Judged
from tribolake.oil.limits.versions import JUDGING_LIMITS, LIMITS
from tribolake.oil.questions.limit_groups import (
    fixed_bands_of,
    floors_of,
    group_of,
    limits_in,
    versions_of,
)
from tribolake.oil.questions.workbook import Sheet
from tribolake.oil.seeds import policies
from tribolake.texts import one_line
from tribolake.trace.find import client_of, fetch_version
from tribolake.web.addresses import group_query
from tribolake.web.pages import Page, earlier, missing
from tribolake.web.trials import TrialBusy, Trials
from tribolake.web.typed import TwoMeanings, read_number
from tribolake.web.views.limit import limit_page
from tribolake.web.views.limits import LimitsChoice, limits_page
from tribolake.web.views.tables import FORMULA_SIGNS, change_table, limit_table
from tribolake.web.views.trial_form import LOWER_FIELDS, UPPER_FIELDS, TrialForm, group_form, policy_form
from tribolake.web.views.what_if import WhatIfPage, what_if_page
from tribolake.web.visit import Visit

FIELDS = (*UPPER_FIELDS, *LOWER_FIELDS)


@dataclass(frozen=True)
class Asked:
    """What an address asks: whose samples, what is changed, and the numbers as they were written."""

    client: str
    how: str
    group: LimitGroup | None
    written: Mapping[str, str]
    policy: str
    shown: int

    def choice(self) -> Choice:
        """Return the choice.

        Raises:
            ConfigurationError: a number cannot be read, or the choice is not one. The message begins with the field.
        """
        if self.how == "policy":
            if self.policy not in policies():
                raise ConfigurationError("policy: it is unknown")
            return Choice(policy=self.policy)
        numbers = [_number(name, self.written.get(name, "")) for name in FIELDS]
        upper: Numbers = (numbers[0], numbers[1], numbers[2])
        lower: Numbers = (numbers[3], numbers[4], numbers[5])
        if self.how == "percentile":
            if upper == NONE:
                raise ConfigurationError("percentile: give at least one")
            choice = Choice(self.group, percentiles=upper)  # lower limits stay
        else:
            choice = Choice(self.group, upper, lower)
        choice.check()
        return choice


def _number(name: str, text: str) -> float | None:
    try:
        return read_number(text) if text.strip() else None
    except TwoMeanings as error:
        raise ConfigurationError("mark: it can be read with decimals or with thousands") from error
    except ValueError as error:
        raise ConfigurationError(f"{name}: it is not a number") from error


def show_limits_page(visit: Visit, choice: LimitsChoice) -> Page:
    """Return the list of limits, as filtered."""
    model = limits_page(_limits(visit, choice.client), choice, visit.clients, policies(), visit.words, visit.addresses)
    return Page("limits.html", model, visit.words("limits.title"))


def table_of_limits(visit: Visit, choice: LimitsChoice) -> Sheet:
    """Return all limits that a choice includes, as a table to take along."""
    return limit_table([row for row in _limits(visit, choice.client) if choice.filter.includes(row)])


def _limits(visit: Visit, chosen: str) -> list[Mapping[str, Any]]:
    """Return the limits of one client that the reader sees, or of all."""
    rows: list[Mapping[str, Any]] = []
    for client in visit.clients:
        if chosen in ("", client) and (samples := _samples(visit, client)):
            rows += limits_in(samples.limits, samples.policy)
    return rows


def show_limit(visit: Visit, group: LimitGroup, version: str) -> Page:
    """Return the page of a group's limits. `version` is that of a report; an empty one is that of today."""
    samples = _samples(visit, group.client.lower())
    if samples is None:
        return missing(visit.words)
    file = samples.limits
    if version and version != samples.version:
        try:
            file = fetch_version(visit.published, LIMITS, version, JUDGING_LIMITS)
        except ConfigurationError:
            return missing(visit.words)
        if client_of(file) != samples.client:
            return missing(visit.words)
    row = _row(file, samples.policy, group)
    if row is None:
        return missing(visit.words)
    model = limit_page(
        row,
        version or samples.version,
        versions_of(visit.published, group),
        floors_of(group, samples.policy),
        fixed_bands_of(group.essay, samples.policy),
        visit.words,
        visit.addresses,
        is_current=file == samples.limits,
    )
    return Page("limit.html", model, model.title)


def show_what_if(visit: Visit, trials: Trials, asked: Asked, *, is_judged: bool) -> Page:
    """Return what another limit would do. Without `is_judged` the page only offers to judge."""
    words = visit.words
    samples = _samples(visit, asked.client)
    if samples is None:
        return earlier(words, asked.client) if asked.client in visit.clients else missing(words)
    row = _row(samples.limits, samples.policy, asked.group) if asked.group else None
    if asked.group is not None and row is None:
        return missing(words)
    model = what_if_page(
        asked.client, asked.group, row, samples.policy, _form(visit, asked, row), words, visit.addresses
    )
    if is_judged:
        model, status = _judged(visit, trials, asked, samples, model)
    else:
        model, status = model.saying(words("whatif.press")), 200
    return Page("what_if.html", model, words("whatif.title"), status)


def _judged(
    visit: Visit, trials: Trials, asked: Asked, samples: PublishedSamples, model: WhatIfPage
) -> tuple[WhatIfPage, int]:
    """Return the page with what a judgement found, or why there is none, and the status of the answer."""
    words = visit.words
    try:
        judged = trials.judge(samples, asked.choice())
    except ConfigurationError as error:
        text_id = f"whatif.wrong.{str(error).partition(':')[0]}"
        return model.saying(words(text_id if text_id in words.texts else "whatif.wrong.other")), 400
    except (TrialBusy, TrialOverdue, TrialFailed) as error:
        return model.saying(words(f"whatif.{type(error).__name__}")), 503
    impact = _impact(visit, samples, judged)
    return model.with_result(impact, judged.limits, asked.shown, _query(asked), words, visit.addresses), 200


def seed_of(visit: Visit, trials: Trials, asked: Asked) -> bytes | None:
    """Return the row of a seed that makes a choice permanent. Returns None if no seed can hold it.

    Raises:
        ConfigurationError: the choice is not one, or not possible with these samples.
        TrialBusy: another judgement is at work.
    """
    samples = _samples(visit, asked.client)
    if samples is None or asked.group is None or asked.how == "policy":
        return None
    # A cell that is made harmless, as other downloads have it, would name another group.
    if any(name.lstrip().startswith(FORMULA_SIGNS) or one_line(name) != name for name in astuple(asked.group)):
        return None
    choice = asked.choice()
    if _row(samples.limits, samples.policy, asked.group) is None:
        return None  # an unknown group must not start a process
    judged = trials.judge(samples, choice)
    if judged.limits is None:
        return None
    impact = _impact(visit, samples, judged)
    reason = (
        f"what if of {visit.today}: alarms {impact.before.alarms} to {impact.after.alarms}, "
        f"confirmed ones {impact.before.confirmed} to {impact.after.confirmed}"
    )
    percentiles = ", ".join(f"P{one:g}" for one in choice.percentiles if one is not None)
    source = f"{percentiles} of the samples published then" if percentiles else "set by hand"
    has_upper = choice.upper[0] is not None or choice.percentiles != NONE
    upper = numbers_of(judged.limits, UPPER) if has_upper else NONE
    lower = numbers_of(judged.limits, LOWER) if choice.lower[0] is not None else NONE
    return as_seed(seed_row(asked.group, samples.policy, upper, lower, reason, source))


def table_of_changes(visit: Visit, trials: Trials, asked: Asked) -> Sheet | None:
    """Return the reports that a choice would change, all of them. Returns None if there is nothing to judge.

    Raises:
        ConfigurationError: the choice is not one, or not possible with these samples.
        TrialBusy: another judgement is at work.
    """
    samples = _samples(visit, asked.client)
    if samples is None or (asked.group is not None and _row(samples.limits, samples.policy, asked.group) is None):
        return None
    return change_table(_impact(visit, samples, trials.judge(samples, asked.choice())))


def _form(visit: Visit, asked: Asked, row: Mapping[str, Any] | None) -> TrialForm:
    if asked.group is None:
        return policy_form(visit.clients, asked.client, policies(), asked.policy, visit.words, visit.addresses)
    has_lower = row is not None and row["lower_normal"] is not None
    return group_form(asked.group, asked.how, asked.written, visit.words, visit.addresses, has_lower=has_lower)


def _query(asked: Asked) -> dict[str, object]:
    """Return the parameters of an address that asks the same."""
    group = {"client": asked.client} if asked.group is None else group_query(asked.group)
    return {**group, "how": asked.how, **asked.written, "policy": asked.policy}


def _impact(visit: Visit, samples: PublishedSamples, judged: Judged) -> Impact:
    if visit.at_desk is not None:
        feedback = visit.at_desk.desk.read(visit.published, samples.client)
    else:
        feedback = read_feedback(visit.published, samples.client)
    return impact_of(judged, standing(feedback.entries))


def _row(file: Any, policy: str, group: LimitGroup) -> Mapping[str, Any] | None:
    return next((row for row in limits_in(file, policy) if group_of(row) == group), None)


def _samples(visit: Visit, client: str) -> PublishedSamples | None:
    """Return the published samples of a client. Returns None if it has none that can be judged again."""
    if client not in visit.clients:
        return None
    try:
        return published_samples(visit.published, client)
    except ConfigurationError:
        return None
