"""Compare figures of the `default` alarm policy with the reference, as text and as JSON.

    python bench/policy_figures.py --warehouse data/_state/warehouse.duckdb --oracle DIR

The warehouse is that of a finished run under `default`. DIR has the results of the reference on the same files, as
`{client}/classified.parquet` and `{client}/machine_status.parquet`. Only Finning
samples have a verdict of the laboratory. Action or urgent action is the target.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import duckdb

VERDICTS_OF_ACTION = ("Acción requerida", "Se requiere acción urgente")

REPORTS = """
    create temp table reports as
    select
        lower(reports.client) as client,
        reports.fluid,
        reports.laboratory,
        reports.sampleNumber,
        reports.sampleOccurrence,
        reports.essays_judged,
        reports.severity_score,
        reports.classification_score,
        reports.report_status,
        reports.labVerdict in {verdicts} as needs_action,
        reports.labVerdict = 'Se requiere acción urgente' as is_urgent,
        samples.is_machine_known,
        samples.essays_measured
    from gold.classified_reports as reports
    inner join silver.samples as samples using (client, laboratory, sampleNumber, sampleOccurrence)
"""

REFERENCE = """
    create temp table reference as
    select
        lower(client) as client,
        sampleNumber,
        severity_score as reference_score,
        report_status as reference_status
    from read_parquet(?)
"""

SHARES = """
    select
        client,
        fluid,
        count(*) as samples,
        count(*) filter (where report_status = 'Normal') as normal,
        count(*) filter (where report_status = 'Alerta') as alerta,
        count(*) filter (where report_status = 'Anormal') as anormal,
        count(*) filter (where report_status = 'Sin evaluar') as sin_evaluar,
        round(100 * count(*) filter (where report_status = 'Anormal') / count(*), 1) as anormal_percent,
        round(100 * count(*) filter (where report_status in ('Alerta', 'Anormal')) / count(*), 1) as alarm_percent
    from {reports}
    group by grouping sets ((client, fluid), (client), ())
    order by client nulls last, fluid nulls last
"""

# AUC: the share of (action, no action) pairs that the score puts in the right order. A tie counts half.
# Average precision: mean precision at the scores of samples that need action. Ties share one threshold.
RANKING = """
    with at_score as (
        select
            {score} as score,
            count(*) filter (where needs_action) as positives,
            count(*) filter (where not needs_action) as negatives
        from {reports}
        group by 1
    ),

    above as (
        select
            *,
            sum(positives) over (order by score desc) as positives_reached,
            sum(positives + negatives) over (order by score desc) as reached,
            coalesce(sum(negatives) over (
                order by score rows between unbounded preceding and 1 preceding
            ), 0) as negatives_below
        from at_score
    )

    select
        round(sum(positives * (negatives_below + negatives / 2)) / (sum(positives) * sum(negatives)), 3) as auc,
        round(sum(positives * positives_reached / reached) / sum(positives), 3) as average_precision
    from above
"""

ALARMS = """
    select
        count(*) as samples,
        count(*) filter (where needs_action) as action_or_urgent,
        count(*) filter (where {status} = 'Anormal') as anormal,
        count(*) filter (where {status} = 'Anormal' and needs_action) as anormal_and_action,
        round(count(*) filter (where {status} = 'Anormal' and needs_action)
            / count(*) filter (where needs_action), 3) as recall_of_anormal,
        round(count(*) filter (where {status} = 'Anormal' and needs_action)
            / nullif(count(*) filter (where {status} = 'Anormal'), 0), 3) as precision_of_anormal,
        round(count(*) filter (where {status} in ('Alerta', 'Anormal') and needs_action)
            / count(*) filter (where needs_action), 3) as recall_of_any_alarm,
        count(*) filter (where {status} = 'Normal' and needs_action) as action_called_normal,
        count(*) filter (where is_urgent) as urgent,
        count(*) filter (where {status} = 'Anormal' and is_urgent) as urgent_called_anormal,
        count(*) filter (where {status} = 'Normal' and is_urgent) as urgent_called_normal
    from {reports}
"""

# Reports with breaches of additives only. None of them may be an alarm.
ADDITIVE_ONLY = """
    with breached as (
        select
            lower(client) as client,
            laboratory,
            sampleNumber,
            sampleOccurrence,
            bool_and(essay_group = 'Aditivo') as is_additive_only
        from gold.classified_results
        where points > 0
        group by all
    )

    select
        count(*) as reports,
        count(*) filter (where reports.report_status in ('Alerta', 'Anormal')) as alarms
    from breached
    inner join reports using (client, laboratory, sampleNumber, sampleOccurrence)
    where is_additive_only
"""

NOT_EVALUATED = """
    select
        client,
        case
            when essays_measured = 0 then 'nothing measured'
            when not is_machine_known then 'unknown machine'
            else 'no limits: too few samples of this component'
        end as why,
        count(*) as samples
    from reports
    where report_status = 'Sin evaluar'
    group by all
    order by all
"""

MACHINES = """
    select
        lower(client) as client,
        overall_status,
        count(*) as units
    from {machines}
    group by all
    order by all
"""


def rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    """Return the rows of a query as mappings from column to value."""
    cursor = connection.execute(query)
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def verdict_figures(connection: duckdb.DuckDBPyConnection, reports: str, status: str, score: str) -> dict[str, Any]:
    """Compare alarms and score order with the verdict of the laboratory, for reports that have one."""
    judged = f"(select * from {reports} where needs_action is not null and fluid = 'oil')"
    return (
        rows(connection, ALARMS.format(reports=judged, status=status))[0]
        | rows(connection, RANKING.format(reports=judged, score=score))[0]
    )


def figures(warehouse: Path, oracle: Path) -> dict[str, Any]:
    """Compute all figures of the decision record.

    Raises:
        duckdb.IOException: the warehouse or the files of the reference are missing.
    """
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        connection.execute(REPORTS.format(verdicts=VERDICTS_OF_ACTION))
        connection.execute(REFERENCE, [str(oracle / "*" / "classified.parquet")])
        connection.execute(
            "create temp table compared as from reports inner join reference using (client, sampleNumber)"
        )
        connection.execute(
            "create temp table machines_of_reference as select client, overall_status from read_parquet(?)",
            [str(oracle / "*" / "machine_status.parquet")],
        )
        reference_reports = "(select * replace (reference_status as report_status) from compared)"
        return {
            "shares": {
                "default": rows(connection, SHARES.format(reports="reports")),
                "default, samples of the reference": rows(connection, SHARES.format(reports="compared")),
                "reference": rows(connection, SHARES.format(reports=reference_reports)),
            },
            "laboratory_verdict": {
                "default": verdict_figures(connection, "reports", "report_status", "classification_score"),
                "reference": verdict_figures(connection, "compared", "reference_status", "reference_score"),
            },
            "additive_only": rows(connection, ADDITIVE_ONLY)[0],
            "sin_evaluar": rows(connection, NOT_EVALUATED),
            "machines": {
                "default": rows(connection, MACHINES.format(machines="gold.machine_status_current")),
                "reference": rows(connection, MACHINES.format(machines="machines_of_reference")),
            },
        }


def as_text(found: dict[str, Any]) -> str:
    """Format the figures as aligned lines, one block per question."""
    lines = []
    for policy, shares in found["shares"].items():
        lines.append(f"Report status, {policy}")
        for share in shares:
            group = f"{share['client'] or 'all clients'} {share['fluid'] or ''}"
            lines.append(
                f"  {group:<20} {share['samples']:>6}  Normal {share['normal']:>5}  Alerta {share['alerta']:>5}"
                f"  Anormal {share['anormal']:>4} ({share['anormal_percent']} %)"
                f"  Sin evaluar {share['sin_evaluar']:>4}  any alarm {share['alarm_percent']} %"
            )
    verdicts = found["laboratory_verdict"]
    lines.append(f"{'Laboratory verdict (oil)':<26} {'default':>9} {'reference':>10}")
    for name, value in verdicts["default"].items():
        lines.append(f"  {name:<24} {value:>9} {verdicts['reference'][name]:>10}")
    lines.append("Additive-only reports: {reports}, of which alarms: {alarms}".format(**found["additive_only"]))
    lines += ["Sin evaluar, {client}: {why}: {samples}".format(**row) for row in found["sin_evaluar"]]
    for policy, machines in found["machines"].items():
        lines += [f"Machines, {policy}, {row['client']}: {row['overall_status']} {row['units']}" for row in machines]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--warehouse", type=Path, required=True, help="DuckDB file of a run under `default`")
    parser.add_argument("--oracle", type=Path, required=True, help="folder with {client}/classified.parquet")
    arguments = parser.parse_args()
    found = figures(arguments.warehouse, arguments.oracle)
    print(as_text(found))
    print(json.dumps(found, ensure_ascii=False, default=float))


if __name__ == "__main__":
    main()
