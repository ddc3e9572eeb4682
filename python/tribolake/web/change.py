"""What a report's page says of what would change its status: it is judged only for who asks."""

from __future__ import annotations

from tribolake.errors import ConfigurationError
from tribolake.oil.limits.apart import TrialFailed, TrialOverdue
from tribolake.oil.limits.status_change import question_of
from tribolake.oil.questions.report import ShownReport
from tribolake.web.trials import TrialBusy, Trials
from tribolake.web.views.change import ChangePart, change_part
from tribolake.web.visit import Visit


def change_of_report(visit: Visit, trials: Trials, found: ShownReport) -> ChangePart:
    """Return what would change the status of a report, or why that cannot be said now."""
    words, report = visit.words, found.report
    try:
        changes = trials.change(*question_of(visit.published, report))
    except TrialBusy:
        return ChangePart(says=words("whatif.TrialBusy"))
    except (TrialOverdue, TrialFailed, ConfigurationError):
        return ChangePart(says=words("change.failed"))
    return change_part(changes, report, found.values, words)
