"""The pages: each reads published files and returns a template with its view model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tribolake.errors import ContractBroken
from tribolake.oil.contract import COMPONENTS, RESULTS
from tribolake.oil.published_fleet import PublishedFleet, read_fleet
from tribolake.oil.questions.essays import is_essay
from tribolake.oil.questions.last_publication import PublishedChange, last_change
from tribolake.oil.questions.origin import origin_of
from tribolake.oil.questions.quality import Quality, measure_quality
from tribolake.oil.questions.report import READ, find_reports, shown_report
from tribolake.oil.questions.samples import latest_samples, samples_of, samples_with_number
from tribolake.oil.questions.series import essay_series
from tribolake.oil.questions.source import source_of
from tribolake.oil.written.rows import read_written
from tribolake.product import PublicTable
from tribolake.trace.manifests import Publication
from tribolake.web.addresses import LONGEST, MARKET
from tribolake.web.change import change_of_report
from tribolake.web.desk import Desk
from tribolake.web.feedback import on_fleet, on_report
from tribolake.web.trials import Trials
from tribolake.web.views.change import ChangePart
from tribolake.web.views.charts import charts_of
from tribolake.web.views.choice import FleetChoice
from tribolake.web.views.feedback import FeedbackPart, FleetFeedback
from tribolake.web.views.fleet import Fleet, chosen_machines, fleet_page
from tribolake.web.views.lineage import lineage_page
from tribolake.web.views.quality import quality_page
from tribolake.web.views.report import change_address, choices_of, others_of_report, report_page
from tribolake.web.visit import Visit
from tribolake.web.words import Words

STALE_DAYS = 7
SHORTEST_NUMBER = 3  # characters of a search that can be part of a sample number
SHOWN_SAMPLES = 10  # that a search found


@dataclass(frozen=True)
class Page:
    """A template, what it shows, and the status of the answer. `notices` stand above it."""

    template: str
    model: object
    title: str
    status: int = 200
    notices: tuple[str, ...] = ()
    feedback: FeedbackPart | FleetFeedback | None = None


@dataclass(frozen=True)
class Message:
    """What is said instead of a page. `commands` can be copied."""

    title: str
    text: str
    commands: tuple[str, ...] = ()
    error: str = ""
    market: str = ""  # where market data are, if they may be meant


@dataclass(frozen=True)
class SampleName:
    """What an address says of a sample. None means any."""

    client: str
    number: str
    occurrence: str | None = None
    laboratory: str | None = None


@dataclass(frozen=True)
class Choices:
    """Reports of one number."""

    number: str
    reports: Sequence[object] = field(default_factory=tuple)


def show_fleet(visit: Visit, choice: FleetChoice) -> Page:
    """Return the page of the fleet, or what to do where nothing is published."""
    words = visit.words
    if not visit.publications and not visit.unread:
        return _empty(visit)
    published = read_fleet(visit.published, visit.clients_with_gold, visit.now)
    readable = _readable(visit, published)
    changes, unsaid = _changes(visit, readable)
    fleet = replace(_fleet(visit, published), found=_found(visit, choice, readable), changes=changes)
    model = fleet_page(fleet, choice, words, visit.addresses, visit.today)
    notices = (*_notices(visit, published), *unsaid)
    return Page("fleet.html", model, words("fleet.title"), notices=notices, feedback=fleet.feedback)


def _empty(visit: Visit) -> Page:
    words = visit.words
    commands = (f"tribolake run --lake {visit.settings.address}", "tribolake demo")
    title, market = words("empty.title"), visit.addresses.page(MARKET)
    return Page("empty.html", Message(title, words("empty.text"), commands, market=market), title)


def _found(visit: Visit, choice: FleetChoice, readable: Sequence[str]) -> list[dict[str, Any]]:
    """Return the samples whose number is searched for."""
    clients = [client for client in readable if choice.client in ("", client)]
    if not clients or len(choice.text) < SHORTEST_NUMBER:
        return []
    return samples_with_number(visit.settings, choice.text, SHOWN_SAMPLES, clients, visit.published)


def _changes(visit: Visit, readable: Sequence[str]) -> tuple[list[PublishedChange], list[str]]:
    """Return what the publications changed, and notices about those that do not say."""
    changes, unsaid = [], []
    for one in visit.publications:
        try:
            change = last_change(visit.published, one) if one.client in readable else None
        except ContractBroken:
            unsaid.append(visit.words("unread.text", client=one.client.upper()))
        else:
            changes += [change] if change else []
    return changes, unsaid


def read_machines(visit: Visit, choice: FleetChoice) -> tuple[list[Mapping[str, Any]], Mapping[str, str]]:
    """Return the machines that a choice includes, in their order, and the chosen clients that cannot be read."""
    published = read_fleet(visit.published, visit.clients_with_gold, visit.now)
    unread = {client: why for client, why in published.unread.items() if choice.client in ("", client)}
    return chosen_machines(_fleet(visit, published), choice), unread


def _fleet(visit: Visit, published: PublishedFleet) -> Fleet:
    readable = _readable(visit, published)
    samples = latest_samples(visit.settings, readable, visit.published) if readable else []
    return Fleet(published.machines, samples, on_fleet(visit, readable))


def _readable(visit: Visit, published: PublishedFleet) -> list[str]:
    return [one["client"] for one in published.published if not lacks(visit, one["client"], COMPONENTS)]


def _notices(visit: Visit, fleet: PublishedFleet) -> tuple[str, ...]:
    """Say which clients cannot be read, and which were published by an earlier release or long ago."""
    words = visit.words
    unread = [words("unread.text", client=client.upper()) for client in fleet.unread]
    read = [one["client"] for one in fleet.published]
    earlier = [words("earlier.text", client=one.upper()) for one in read if lacks(visit, one, COMPONENTS)]
    return (*unread, *earlier, *(stale for one in visit.publications for stale in _stale(visit, one)))


def _stale(visit: Visit, publication: Publication) -> tuple[str, ...]:
    days = (visit.now - publication.began_at).days
    if days <= STALE_DAYS:
        return ()
    return (visit.words("stale.text", client=publication.client.upper(), days=visit.words.number(days)),)


def lacks(visit: Visit, client: str, table: PublicTable) -> bool:
    """Return whether an earlier release published a client, without this table."""
    return any(one.client == client and one.sha256_of(table.file_name) is None for one in visit.publications)


def show_sample(visit: Visit, name: SampleName, charts: str = "", trials: Trials | None = None) -> Page:
    """Return the page of a report, or the reports that have this number.

    With `charts` of "all" the page has the less urgent charts too, and with `trials` what would change its status.
    """
    if lacks(visit, name.client, RESULTS):
        return earlier(visit.words, name.client)
    rows = _reports(visit, name, READ)
    if len(rows) != 1:
        return _choose(visit, name, rows)
    (row,) = rows
    found = shown_report(visit.settings, row, visit.published)
    of_unit = samples_of(visit.settings, name.client, str(row["unitId"]), visit.published)
    samples = [sample for sample in of_unit if sample["component"] == row["componentName"]]
    series = essay_series(
        visit.settings, name.client, str(row["unitId"]), str(row["componentName"]), visit.published, until=row
    )
    others = None if charts else others_of_report(row, visit.addresses, "1" if trials else "")
    drawn = charts_of(series, visit.words, others_href=others)
    change = change_of_report(visit, trials, found) if trials else ChangePart()
    if not change.is_answer:
        change = replace(change, href=change_address(row, visit.addresses, charts))
    model = report_page(found, samples, drawn, change, visit.words, visit.addresses, visit.today)
    key = (str(row["laboratory"]), str(row["sampleNumber"]), str(row["sampleOccurrence"]))
    feedback = on_report(visit, samples, key)
    return Page("report.html", model, f"{row['unitId']} · {row['componentName']}", feedback=feedback)


def show_lineage(visit: Visit, name: SampleName, essay: str) -> Page:
    """Return the page of a report's origin, or of that of one of its results."""
    if lacks(visit, name.client, RESULTS):
        return earlier(visit.words, name.client)
    essay = essay if is_essay(essay) else ""
    rows = _reports(visit, name)
    if len(rows) != 1:
        return _choose(visit, name, rows)
    origin = origin_of(visit.settings, rows[0], essay, visit.published)
    source = source_of(origin.place, visit.published)
    if source is None:
        return missing(visit.words)
    written = read_written(visit.settings, origin, source.content, visit.published)
    model = lineage_page(rows[0], origin, source, written, essay, visit.words, visit.addresses)
    return Page("lineage.html", model, visit.words("lineage.title"))


def show_quality(visit: Visit, client: str) -> Page:
    """Return the page of alarm quality, of one client or of all."""
    words = visit.words
    if not visit.publications and not visit.unread:
        return _empty(visit)
    if not visit.publications or (client and client not in visit.clients):
        return absent(visit, client or visit.unread[0])
    if lacking := lacking_quality(visit, client):
        return earlier(words, lacking[0])
    model = quality_page(measured(visit, client), visit.clients, client, words, visit.addresses)
    return Page("quality.html", model, words("quality.title"))


def lacking_quality(visit: Visit, client: str) -> list[str]:
    """Return the clients, of one or of all, of which an earlier release did not publish what is measured."""
    chosen = [client] if client else visit.clients
    return [one for one in chosen if any(lacks(visit, one, table) for table in (RESULTS, COMPONENTS))]


def measured(visit: Visit, client: str) -> Quality:
    """Measure the alarms and the data of a client, or of all that the reader sees."""
    desk = visit.at_desk.desk if visit.at_desk else Desk()
    feedback = {one: desk.read(visit.published, one) for one in ([client] if client else visit.clients)}
    return measure_quality(visit.settings, visit.published, feedback, visit.now)


def find_sample(visit: Visit, name: SampleName) -> dict[str, object] | None:
    """Return the row of the one report that has this name. Returns None if there is none, or if there are several."""
    rows = _reports(visit, name)
    return rows[0] if len(rows) == 1 else None


def _reports(visit: Visit, name: SampleName, columns: Sequence[str] = ("*",)) -> list[dict[str, object]]:
    if name.client not in visit.clients or len(name.number) > LONGEST:
        return []
    return find_reports(
        visit.settings,
        name.client,
        name.number,
        occurrence=name.occurrence,
        laboratory=name.laboratory,
        published=visit.published,
        columns=columns,
    )


def _choose(visit: Visit, name: SampleName, rows: Sequence[dict[str, object]]) -> Page:
    if not rows:
        return absent(visit, name.client)
    reports = choices_of(rows, visit.words, visit.addresses)
    return Page("choose.html", Choices(name.number, reports), visit.words("choose.title"))


def missing(words: Words) -> Page:
    """Return what is said of an address at which nothing is published."""
    return Page("message.html", Message(words("missing.title"), words("missing.text")), words("missing.title"), 404)


def absent(visit: Visit, client: str) -> Page:
    """Return what is said of an address of a client that is not published, or that cannot be read."""
    if client not in visit.unread:
        return missing(visit.words)
    title = visit.words("lake.title")
    return Page("message.html", Message(title, visit.words("unread.text", client=client.upper())), title, 503)


def earlier(words: Words, client: str) -> Page:
    """Return what is said of a client that an earlier release published."""
    title = words("earlier.title")
    return Page("message.html", Message(title, words("earlier.text", client=client.upper())), title, 503)


def bad_address(words: Words) -> Page:
    """Return what is said of an address that cannot be understood."""
    return Page("message.html", Message(words("address.title"), words("address.text")), words("address.title"), 400)


def failed(words: Words, error: str, *, is_of_the_lake: bool) -> Page:
    """Return what is said of a failure. `error` is its number in the log."""
    kind, status = ("lake", 503) if is_of_the_lake else ("error", 500)
    title = words(f"{kind}.title")
    return Page("message.html", Message(title, words(f"{kind}.text"), (), error), title, status)


def not_stored(words: Words, field: str) -> Page:
    """Return what is said of a form that cannot be stored, because of a field."""
    text = words("feedback.refused", field=words(f"feedback.field.{field}"))
    return Page("message.html", Message(words("feedback.refused_title"), text), words("feedback.refused_title"), 400)


def foreign_form(words: Words) -> Page:
    """Return what is said of a form that is not one of this server's pages in this browser."""
    title = words("feedback.foreign_title")
    return Page("message.html", Message(title, words("feedback.foreign")), title, 403)
