"""The oil-analysis product, as the platform takes it."""

from __future__ import annotations

from tribolake.oil.contract import CONTRACT
from tribolake.oil.seeds import declared_clients, policies
from tribolake.product import Product, Sources, Steps, Warehouse

WAREHOUSE = Warehouse(
    arrivals="bronze.bronze_arrivals",
    from_files=("bronze.bronze_rows", "bronze.bronze_arrivals"),
    arrived="""
        select client, count(*), sum(rows_read), sum(rows_loaded), sum(rows_superseded), sum(rows_rejected)
        from silver.arrival_reconciliation
        where arrived_at >= $since
        group by client
    """,
    failed="""
        select file_key, message
        from silver.arrival_reconciliation
        where arrived_at >= $since and status = 'failed'
        order by file_key
    """,
    samples="select lower(client), count(*) from silver.samples group by 1",
    touched="""
        select client from changes.pending_contents
        union select lower(client) from limits.limit_decisions where is_recalculated
    """,
    troubles="""
        select
            concat('machine ', client, ' ', unit_id),
            concat(client, ' ', unit_id, ' is Anormal', ', look at ' || nullif(worst_component, ''))
        from gold.machine_status_current
        where overall_status = 'Anormal'
        order by priority_score desc, machine_score desc, client, unit_id
    """,
)

SOURCES = Sources(
    python=(
        "python/tribolake/lake/ledger.py",
        # Published again when what they promise changes.
        "python/tribolake/oil/contract.py",
        "python/tribolake/oil/limits/decisions.py",
        "python/tribolake/oil/limits/groups.py",
        "python/tribolake/oil/limits/percentiles.py",
        "python/tribolake/oil/limits/shift.py",
        "python/tribolake/oil/limits/versions.py",
        "python/tribolake/oil/reading.py",
        "python/tribolake/readers/*.py",
    ),
    readers=("models/oil/bronze/*.py", "python/tribolake/readers/*.py", "seeds/oil/lab_sheets.csv"),
    made_by_rebuilds=("path:models/oil/policy",),
)


def _steps() -> Steps:
    from tribolake.oil.steps import STEPS  # noqa: PLC0415 - a command that runs nothing needs none of it

    return STEPS


OIL = Product(
    name="oil",
    address=f"{__name__}:OIL",
    contract=CONTRACT,
    warehouse=WAREHOUSE,
    sources=SOURCES,
    clients=declared_clients,
    policies=policies,
    steps=_steps,
    imports=("pandas", "scipy.special", "tribolake.oil.limits.groups"),
)
