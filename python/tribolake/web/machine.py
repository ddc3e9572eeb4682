"""The page of a machine: its components, and the charts of one of them on the axis that is asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tribolake.errors import ConfigurationError
from tribolake.oil.contract import COMPONENTS, RESULTS
from tribolake.oil.fleet import in_order
from tribolake.oil.published_fleet import read_fleet
from tribolake.oil.questions.axis import AxisKind
from tribolake.oil.questions.machine import show_machine
from tribolake.oil.questions.samples import samples_of
from tribolake.oil.questions.series import essay_series, values_over_time
from tribolake.oil.questions.sisters import sister_medians
from tribolake.oil.questions.workbook import Sheet
from tribolake.web.feedback import on_machine
from tribolake.web.pages import Page, absent, earlier, lacks, missing
from tribolake.web.views.charts import axis_of_series, charts_of, urgent_series
from tribolake.web.views.machine import Charted, chosen_component, machine_page, others_of_machine
from tribolake.web.views.sample_table import sample_table
from tribolake.web.views.tables import series_table
from tribolake.web.visit import Visit


@dataclass(frozen=True)
class MachineName:
    """What an address says of a machine, and what its charts show. An empty component is the most urgent one."""

    client: str
    unit: str
    component: str
    axis: AxisKind


def show_unit(visit: Visit, asked: MachineName, charts: str = "") -> Page:
    """Return the page of a machine, with the series of a component.

    With `charts` of "all" it has the less urgent charts too.
    """
    client, axis = asked.client, asked.axis
    if client not in visit.clients:
        return absent(visit, client)
    if lacks(visit, client, COMPONENTS):
        return earlier(visit.words, client)
    try:
        found = show_machine(visit.settings, asked.unit, [client], visit.today, visit.published)
    except ConfigurationError:
        return missing(visit.words)
    unit_id = found.machine["unit_id"]
    samples = samples_of(visit.settings, client, unit_id, visit.published)
    component = chosen_component(found, asked.component)
    series = essay_series(visit.settings, client, unit_id, component, visit.published)
    places = axis_of_series(series, axis)
    others = None if charts else others_of_machine(found.machine, component, axis, visit.addresses)
    compared = replace(series, series=urgent_series(series)) if others else series
    sisters = sister_medians(visit.settings, client, unit_id, compared, places, visit.published) if places else []
    charted = Charted(
        component,
        axis,
        charts_of(series, visit.words, axis, sisters, others),
        sample_table(series, [one for one in samples if one["component"] == component], visit.words, visit.addresses),
    )
    ordered = in_order(read_fleet(visit.published, visit.clients_with_gold, visit.now).machines)
    model = machine_page(found, samples, ordered, charted, visit.words, visit.addresses, visit.today)
    feedback = on_machine(visit, samples, [row["component"] for row in found.components])
    return Page("machine.html", model, unit_id, feedback=feedback)


def table_of_series(visit: Visit, client: str, unit: str, component: str) -> Sheet | None:
    """Return the values of a component, or of all of a machine's, as a table. Returns None if none are published."""
    if client not in visit.clients or lacks(visit, client, RESULTS):
        return None
    values = values_over_time(visit.settings, client, unit, component, visit.published)
    return series_table(values) if values else None
