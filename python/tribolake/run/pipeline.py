"""The order of the steps of a run; the only module that knows it."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager

import duckdb

from tribolake.errors import ContractBroken, RunFailed, StoreUnavailable
from tribolake.lake.custody import lock_machine
from tribolake.product import Product, Progress, StepResult
from tribolake.publish.gold import publish_client
from tribolake.publish.shelf import Shelf
from tribolake.publish.version import ManifestHeader
from tribolake.publish.versioned import publish_versions
from tribolake.run.calls import keep_calls
from tribolake.run.data_tests import Finding
from tribolake.run.dbt import Dbt
from tribolake.run.home import Home, open_home
from tribolake.run.notify import Troubles, tell, tell_failure, troubles_of
from tribolake.run.plan import Plan, plan_run
from tribolake.run.report import RunReport, describe_clients, describe_failed_files
from tribolake.run.warehouse import hold_back, record_run
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
) -> RunReport:
    """Bring gold up to date with bronze: read what is new, build, test, publish.

    Args:
        product: what is brought up to date.
        settings: of the product in the lake.
        policy: how to judge, one of the product's.
        clients: read and publish only these; None means all.
        full_refresh: forget what was loaded and read every file again.
        recalculate_limits: calculate the limits of every group anew.
        list_everything: look for new files in all of bronze, however large it is: see `lake/listing.py`.
        asks_a_model: have recommendations worded, where the settings have a key; otherwise what was worded is shown.
        progress: told what is under way.

    Raises:
        ConfigurationError: policy or client is unknown.
        LakeIsBusy: another run holds the lake.
        RunFailed: nothing was published; what was published before stays as it is.
    """
    if not asks_a_model:
        settings = settings.changed(openai_api_key=None)
    home = open_home(settings)

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

    with lock_machine(settings):
        stopwatch = Stopwatch(progress)
        with stopwatch("discover"):
            home.custody.restore()
            plan = plan_it()
        report = RunReport(
            plan.request.run_id, policy, settings.language, nothing_new=not plan.reasons, stages=stopwatch.stages
        )
        report.results = {step.reports: StepResult() for step in product.steps().after_build}
        if plan.reasons:
            progress("; ".join(plan.reasons))
            with home.custody.hold():
                if home.custody.restore():  # another machine was faster
                    plan = plan_it()
                if plan.reasons:
                    report.reasons = list(plan.reasons)
                    _carry_out_and_tell(product, plan, settings, home, report, stopwatch)
        elif plan.last_run_id:
            home.custody.save(plan.last_run_id)  # which may have been killed before it did so itself
        report.seconds = stopwatch.seconds
        report.calls = home.calls()
        keep_calls(settings.state, report.calls)
        return report


class Stopwatch:
    """Seconds per stage; a stage announces itself when it begins."""

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
        home.custody.save(plan.request.run_id)


def _carry_out(
    product: Product, plan: Plan, settings: Settings, home: Home, report: RunReport, stopwatch: Stopwatch
) -> Troubles:
    steps = product.steps()
    steps.before_build(settings, plan.request.run_id, plan.found)
    with Dbt(product, settings, stopwatch.progress) as dbt:
        with stopwatch("build"):
            columns = dbt.build(load_seeds=plan.load_seeds, rebuild=plan.rebuild)
        for step in steps.after_build:
            with stopwatch(step.stage), dbt.warehouse() as warehouse:
                report.results[step.reports] = step.carry_out(
                    warehouse, settings, plan.request.run_id, stopwatch.progress
                )
        with stopwatch("test"):
            found = dbt.test(seeds=plan.fingerprints.seeds if plan.load_seeds else None)
            report.add_findings(found)
        with stopwatch("publish"), dbt.warehouse() as warehouse:
            clients = plan.request.clients or product.clients()
            report.clients = describe_clients(warehouse, product, plan.since, clients)
            report.failed_files = describe_failed_files(warehouse, product, plan.since)
            _hold_back(report, found)
            touched = set(report.clients) if plan.republish else _touched_clients(warehouse, product, report)
            _publish(warehouse, product, plan, home.shelf, report, columns, touched, stopwatch.progress)
            hold_back(warehouse, list(report.problems))
            # After that: what could not be announced is not held back, readers see it. The next run tries again.
            for client, problem in home.unannounced.items():
                report.clients[client].problem = report.clients[client].problem or problem
        with stopwatch("history"):
            report.add_findings(dbt.snapshot())
        # All of it is loaded. A run that is killed after it was recorded may have no next one that cleans up.
        for staged in settings.staging.glob("*"):
            staged.unlink(missing_ok=True)
        report.seconds = stopwatch.seconds
        with dbt.warehouse() as warehouse:
            record_run(warehouse, plan.request, plan.fingerprints, report)
            return troubles_of(product, report, warehouse)


def _touched_clients(warehouse: duckdb.DuckDBPyConnection, product: Product, report: RunReport) -> set[str]:
    """Clients whose published tables the build or a step after it may have changed."""
    built = {client for (client,) in warehouse.execute(product.warehouse.touched).fetchall()}
    return built.union(*(result.touched for result in report.results.values()))


def _hold_back(report: RunReport, found: Sequence[Finding]) -> None:
    """Hold back the clients that failed tests name. A failed test that names no client holds all of them back."""
    for finding in (finding for finding in found if finding.is_failure):
        for client in finding.clients or set(report.clients):
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
    declared = {table.name: columns[table.name] for table in contract.tables}
    code = plan.fingerprints.project[:16]
    header = ManifestHeader(report.run_id, report.policy, plan.request.requested_at.isoformat(), code)
    if contract.versioned:  # first: published rows name their version
        publish_versions(warehouse, shelf, contract.versioned)
    with_samples = {client: done for client, done in report.clients.items() if done.samples}
    for client, done in with_samples.items():
        if done.problem:
            continue
        try:
            if client in touched:
                progress(f"publish {client}")
                done.changed = publish_client(warehouse, contract, shelf, client, header, declared)
            done.published = True
        except (ContractBroken, StoreUnavailable, OSError, duckdb.Error) as error:
            done.problem = str(error)
    if with_samples and not any(done.published for done in with_samples.values()):
        problems = "; ".join(f"{client}: {problem}" for client, problem in report.problems.items())
        raise RunFailed(f"nothing was published, what was published before stays. {problems}")
