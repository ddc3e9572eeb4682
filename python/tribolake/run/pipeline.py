"""The order of the steps of a run. No other module defines it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager

import duckdb

from tribolake.errors import ContractBroken, LakeIsBusy, RunFailed, StoreUnavailable, is_interrupt, with_advice
from tribolake.lake.custody import lock_machine
from tribolake.lake.files import remove
from tribolake.lake.replicas import open_replicas
from tribolake.product import Product, Progress, Step, StepResult
from tribolake.publish.gold import publish_client
from tribolake.publish.shelf import Shelf
from tribolake.publish.version import ManifestHeader
from tribolake.publish.versioned import publish_versions
from tribolake.run.attempt import keep_status, record_attempt, share_status
from tribolake.run.calls import keep_calls
from tribolake.run.data_tests import Finding
from tribolake.run.dbt import Dbt
from tribolake.run.file_versions import keep_versions
from tribolake.run.first_listings import keep_first_listings
from tribolake.run.history import keep_history, restore_history
from tribolake.run.home import Home, open_home
from tribolake.run.notify import Troubles, tell, tell_failure, troubles_of
from tribolake.run.plan import Plan, about_undeclared, plan_run
from tribolake.run.rejections import counts_by_reason, not_reported_yet, read_rejections
from tribolake.run.report import RunReport, describe_clients, describe_dated_ahead, describe_failed_files
from tribolake.run.run_records import hold_back, last_shown, note_shown, record_run
from tribolake.run.set_aside import Build
from tribolake.run.warehouse import open_warehouse
from tribolake.settings import Settings


def run(
    product: Product,
    settings: Settings,
    *,
    policy: str = "default",
    clients: Sequence[str] | None = None,
    full_refresh: bool = False,
    recalculate_limits: bool = False,
    list_everything: bool = False,
    asks_a_model: bool = True,
    progress: Progress = lambda _: None,
    notice: Progress = lambda _: None,
) -> RunReport:
    """Bring gold up to date with bronze: read new files, build, test, publish.

    Args:
        product: what is brought up to date.
        settings: of the product in the lake.
        policy: how to judge, one of the product's.
        clients: read and publish only these; None means all.
        full_refresh: forget what was loaded and read every file again.
        recalculate_limits: calculate the limits of every group again.
        list_everything: look for new files in all of bronze, however large it is: see `lake/listing.py`.
        asks_a_model: have recommendations worded, where the settings have a key; otherwise what was worded is shown.
        progress: called with the name of each step when it starts.
        notice: called with what a person should know before anything is built.

    Raises:
        ConfigurationError: policy or client is unknown.
        LakeIsBusy: another run holds the lake.
        RunFailed: nothing was published; what was published before stays as it is.
    """
    if not asks_a_model:
        settings = settings.changed(openai_api_key=None)
    home = open_home(settings, product.inbox(settings))

    def plan_it() -> Plan:
        return plan_run(
            product,
            settings,
            home,
            policy=policy,
            clients=clients,
            full_refresh=full_refresh,
            recalculate_limits=recalculate_limits,
            list_everything=list_everything,
        )

    with lock_machine(settings), record_attempt(settings) as attempt:
        stopwatch = Stopwatch(progress)
        with stopwatch("discover"):
            home.custody.restore()
            plan = plan_it()
        if plan.is_dated_ahead:
            notice("the last run is dated after now: the clock of its machine or of this one is wrong")
        report = RunReport(plan.request.run_id, policy, settings.language, settings.home, stages=stopwatch.stages)
        report.nothing_new = not plan.reasons
        attempt.report = report
        report.results = {step.reports: StepResult() for step in product.steps().all}
        report.add_listing(plan.listing)
        if plan.reasons:
            progress("; ".join(plan.reasons))
            with home.custody.hold():
                if home.custody.restore():  # another machine was faster
                    plan = plan_it()
                report.add_listing(plan.listing)
                if plan.reasons:
                    report.reasons = list(plan.reasons)
                    for words in about_undeclared(product, plan.found):
                        notice(words)
                    _carry_out_and_tell(product, plan, settings, home, report, stopwatch)
        elif plan.last_run_id:
            home.custody.save(plan.last_run_id)  # which may have been killed before it did so itself
        report.seconds = stopwatch.seconds
        report.calls = home.calls()
        keep_calls(settings.state, report.calls)
        return report


class Stopwatch:
    """Seconds per stage. Progress is reported when a stage begins."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.stages: dict[str, float] = {}
        self._started = time.perf_counter()

    @property
    def seconds(self) -> float:
        return round(time.perf_counter() - self._started, 3)

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        self.progress(stage)
        began = time.perf_counter()
        yield
        self.stages[stage] = round(time.perf_counter() - began, 3)


def _carry_out_and_tell(
    product: Product, plan: Plan, settings: Settings, home: Home, report: RunReport, stopwatch: Stopwatch
) -> None:
    try:
        troubles = _carry_out(product, plan, settings, home, report, stopwatch)
    except RunFailed as error:
        tell_failure(settings, error)
        raise
    tell(settings, troubles)
    with stopwatch("hand over"):
        share_status(settings)
        home.custody.save(plan.request.run_id)


def _carry_out(
    product: Product, plan: Plan, settings: Settings, home: Home, report: RunReport, stopwatch: Stopwatch
) -> Troubles:
    steps = product.steps()
    if set(plan.reasons) <= steps.of_after_publish:
        return _carry_out_after_publish(product, plan, settings, report, stopwatch)
    home.shelf.require_links()
    report.failed_tests += plan.problems
    if plan.last_run_id is None:
        report.failed_tests += restore_history(product, settings)
    steps.before_build(settings, plan.request.run_id, plan.found)
    with Dbt(product, settings, stopwatch.progress) as dbt:
        with stopwatch("build"):
            build = Build(dbt, product, plan.load_seeds, plan.since)
            columns = build.run(rebuild=plan.rebuild)
        _carry_out_steps(steps.after_build, dbt.warehouse, settings, report, stopwatch)
        with stopwatch("test"):
            found = dbt.test(seeds=plan.fingerprints.seeds if plan.load_seeds else None)
            report.add_findings(found)
        with stopwatch("publish"), dbt.warehouse() as warehouse:
            keep_versions(warehouse, plan.listing.files)
            # Before anything is published that depends on it.
            keep_first_listings(warehouse, product, open_replicas(settings), plan.request.run_id)
            clients = plan.request.clients or product.clients()
            report.clients = describe_clients(warehouse, product, plan.since, clients)
            report.failed_files = describe_failed_files(warehouse, product, plan.since)
            report.dated_ahead = describe_dated_ahead(warehouse, product, plan.since)
            rejections = read_rejections(warehouse, product)
            report.rejected = [one.as_dict() for one in not_reported_yet(warehouse, rejections)]
            for client, done in report.clients.items():
                done.rejected = counts_by_reason(rejections, client)
            hold_back_clients(product, report, found)
            touched = (
                set(report.clients)
                if plan.republish or build.isolated
                else _touched_clients(warehouse, product, report)
            )
            _publish(warehouse, product, plan, home.shelf, report, columns, touched, stopwatch.progress)
            # Readers see of a client that this run leaves out what they saw before.
            hold_back(warehouse, [*report.problems, *(set(product.clients()) - set(report.clients))])
            # After the hold: a client whose announcement failed is published. The next run announces it again.
            for client, problem in home.unannounced.items():
                report.clients[client].problem = report.clients[client].problem or problem
        with stopwatch("history"):
            report.add_findings(dbt.snapshot())
            with dbt.warehouse() as warehouse:
                report.warnings += keep_history(
                    warehouse, product, settings, report.run_id, home.custody.assert_lease_held
                )
        _carry_out_steps(steps.after_publish, dbt.warehouse, settings, report, stopwatch)
        # All of it is loaded. A run that is killed after it was recorded may have no next one that cleans up.
        for staged in settings.staging.glob("*"):
            remove(staged)
        report.seconds = stopwatch.seconds
        with dbt.warehouse() as warehouse:
            record_run(warehouse, plan.request, plan.fingerprints, report, rejections)
            keep_status(settings, warehouse, product, rejections)
            return troubles_of(product, report, warehouse, rejections, settings.pages_url)


def _carry_out_after_publish(
    product: Product, plan: Plan, settings: Settings, report: RunReport, stopwatch: Stopwatch
) -> Troubles:
    """Carry out the steps after publishing. Tables, and what readers see of them, are as the last run left them."""
    with open_warehouse(settings.warehouse) as warehouse:
        _carry_out_steps(product.steps().after_publish, warehouse.cursor, settings, report, stopwatch)
        report.clients = describe_clients(warehouse, product, plan.since, plan.request.clients or product.clients())
        for done in report.clients.values():
            done.published = bool(done.samples)  # a client that was held back is a reason for a whole run
        rejections = read_rejections(warehouse, product)
        report.seconds = stopwatch.seconds
        record_run(warehouse, plan.request, plan.fingerprints, report, rejections)
        keep_status(settings, warehouse, product, rejections)
        return troubles_of(product, report, warehouse, rejections, settings.pages_url)


def _carry_out_steps(
    steps: Sequence[Step],
    connect: Callable[[], duckdb.DuckDBPyConnection],
    settings: Settings,
    report: RunReport,
    stopwatch: Stopwatch,
) -> None:
    for step in steps:
        with stopwatch(step.stage), connect() as warehouse:
            report.results[step.reports] = step.carry_out(warehouse, settings, report.run_id, stopwatch.progress)


def _touched_clients(warehouse: duckdb.DuckDBPyConnection, product: Product, report: RunReport) -> set[str]:
    """Return clients whose published tables the build or a later step may have changed."""
    built = {client for (client,) in warehouse.execute(product.warehouse.touched).fetchall()}
    return built.union(*(result.touched for result in report.results.values()))


def hold_back_clients(product: Product, report: RunReport, found: Sequence[Finding]) -> None:
    """Hold back the clients that failed tests name. A failed test that names no client holds all of them back."""
    for finding in (finding for finding in found if finding.is_failure):
        # Rows of files name the folder of bronze.
        for client in {product.client_of(name) for name in finding.clients} or set(report.clients):
            if client in report.clients:
                report.clients[client].problem = f"data test {finding.test} failed"


def _publish(
    warehouse: duckdb.DuckDBPyConnection,
    product: Product,
    plan: Plan,
    shelf: Shelf,
    report: RunReport,
    columns: Mapping[str, list[str]],
    touched: Collection[str],
    progress: Progress,
) -> None:
    contract = product.contract
    declared = {
        table.name: [name for name in columns[table.model] if name not in table.without] for table in contract.tables
    }
    code = plan.fingerprints.project[:16]
    header = ManifestHeader(report.run_id, report.policy, plan.request.requested_at.isoformat(), code)
    if contract.versioned:  # first: published rows name their version
        publish_versions(warehouse, shelf, contract.versioned)
    shown = last_shown(warehouse)
    with_samples = {client: done for client, done in report.clients.items() if done.samples}
    untouched = sorted(with_samples.keys() - set(touched))
    sampled = random.choice(untouched) if untouched else None  # noqa: S311 - protects nothing
    for client, done in with_samples.items():
        if done.problem:
            continue
        try:
            if client in touched or (
                client == sampled and not shelf.shows({client: shown.get(client)}, asks_store=True)
            ):
                progress(f"publish {client}")
                outcome = publish_client(warehouse, contract, shelf, client, header, declared)
                note_shown(warehouse, client, outcome.run_id)
                done.changed = outcome.changed
                report.altered_files += [{"file": one.key, "problem": one.words} for one in outcome.differences]
            done.published = True
        except (LakeIsBusy, RunFailed):  # another run holds the lake now
            raise
        except (ContractBroken, StoreUnavailable, OSError, duckdb.Error) as error:
            done.problem = with_advice(str(error))
        except Exception as error:  # a failure of one client does not stop the others
            if is_interrupt(error):
                raise
            done.problem = (
                f"publishing broke off ({type(error).__name__}: {error}). Its published files stay. "
                "The next run tries again"
            )
    if with_samples and not any(done.published for done in with_samples.values()):
        problems = "; ".join(f"{client}: {problem}" for client, problem in report.problems.items())
        raise RunFailed(f"no client was published to the end, and the next run tries again. {problems}")
