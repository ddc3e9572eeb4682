"""The oil-analysis product, as the platform takes it."""

from __future__ import annotations

from tribolake.oil.contract import CONTRACT
from tribolake.oil.feedback import FEEDBACK_FOLDER
from tribolake.oil.page_addresses import page_of_trouble
from tribolake.oil.seeds import declared_clients, declared_folders, policies
from tribolake.product import HistoryTable, Product, Sources, Steps, Warehouse

FAILED_FILES = """
    select
        client, file_key as file, message as problem, arrived_at as last_attempt,
        count(*) over (partition by file_key, size_bytes, modified_at) as attempts
    from bronze.bronze_arrivals
    qualify status = 'failed' and row_number() over (partition by file_key order by arrived_at desc) = 1
    order by client, file_key
"""
WAREHOUSE = Warehouse(
    arrivals="bronze.bronze_arrivals",
    from_files=("bronze.bronze_rows", "bronze.bronze_arrivals", "bronze.bronze_feedback"),
    arrived="""
        select
            lower(clients.client_code), count(distinct file_key), sum(rows_read), sum(rows_loaded),
            sum(rows_superseded), sum(rows_rejected)
        from silver.arrival_reconciliation as arrivals
        inner join seeds.clients as clients on arrivals.client = clients.client
        where arrived_at >= $since
        group by lower(clients.client_code)
    """,
    samples="select lower(client), count(*) from silver.samples group by 1",
    touched="""
        select lower(clients.client_code)
        from changes.pending_contents as contents
        inner join seeds.clients as clients on contents.client = clients.client
        union select lower(client) from limits.limit_decisions where is_recalculated
        union select lower(clients.client_code)
        from bronze.bronze_arrivals as arrivals
        inner join seeds.clients as clients on arrivals.client = clients.client
        where status = 'failed' and arrived_at >= (select requested_at from control.run_request)
    """,
    troubles="""
        select
            concat('machine ', machines.client, ' ', machines.unit_id) as identity,
            -- The text says component, why, by when and what to do, in the language of the lake.
            concat(
                machines.client, ' ', machines.unit_id, ': ', machines.overall_status,
                '. ' || coalesce(nullif(machines.machine_ai_recommendation, ''), nullif(machines.worst_component, ''))
            ) as words,
            machines.client,
            machines.unit_id as unit,
            reports.sample_number,
            reports.sample_occurrence,
            reports.laboratory
        from gold.machine_status_current as machines
        left join gold.component_status as reports
            on
                machines.client = reports.client and machines.unit_id = reports.unit_id
                and machines.first_component = reports.component
        where machines.overall_status = 'Anormal' or (machines.urgency = 'U0' and machines.is_recent)
        order by
            machines.is_recent desc, machines.urgency asc nulls last, machines.weighted_machine_score desc,
            machines.client, machines.unit_id
    """,
    rejected="""
        select
            lower(client) as client, file_key as file, reason, subject, meaning, advice, things_rejected as rejected,
            rows_affected as rows, round(share, 4) as share, is_worth_telling, needs_a_look, identity, examples
        from silver.rejection_groups
        order by needs_a_look desc, client, file_key, things_rejected desc, reason
    """,
    shown={
        "dated_ahead": (
            "select file_key as file, states from changes.int_contents where is_live and is_dated_ahead order by 1"
        ),
        "failed_files": FAILED_FILES,
        "unmapped_names": "select client, kind, name, cells_affected from silver.unmapped_names order by all",
        "unread_feedback": """
            select feedback_key as file, problem
            from bronze.bronze_feedback
            qualify row_number() over (partition by feedback_key order by read_at desc) = 1 and problem is not null
            order by feedback_key
        """,
        "reasons": "select client, unit_id, why from gold.machine_reasons order by all",
    },
    history=(
        *(
            HistoryTable(f"history.{name}", "dbt_scd_id", "dbt_valid_to")
            for name in ("report_status_history", "machine_status_history", "limits_history")
        ),
        HistoryTable("history.limit_decisions", "concat_ws('|', run_id, client, machine, component)"),
    ),
    dated_ahead="""
        select file_key, states
        from changes.int_contents
        where is_live and is_dated_ahead and ($since is null or first_arrived_at >= $since)
        order by file_key
    """,
)

SOURCES = Sources(
    python=(
        "python/tribolake/lake/ledger.py",
        # Published again when what they promise changes.
        "python/tribolake/oil/contract.py",
        "python/tribolake/oil/feedback/entry.py",
        "python/tribolake/oil/feedback/loading.py",
        "python/tribolake/oil/feedback/shelf.py",
        "python/tribolake/oil/feedback/ulid.py",
        "python/tribolake/oil/limits/decisions.py",
        "python/tribolake/oil/limits/groups.py",
        "python/tribolake/oil/limits/percentiles.py",
        "python/tribolake/oil/limits/shift.py",
        "python/tribolake/oil/limits/versions.py",
        "python/tribolake/oil/reading.py",
        "python/tribolake/readers/*.py",
        "python/tribolake/run/sql_functions.py",
    ),
    readers=(
        "models/oil/bronze/*.py",
        "python/tribolake/readers/*.py",
        "seeds/oil/laboratories.csv",
        "seeds/oil/lab_context_fields.csv",
        "seeds/oil/lab_sheets.csv",
    ),
    made_by_rebuilds=("fqn:tribolake.oil.policy",),
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
    client_folders=declared_folders,
    policies=policies,
    steps=_steps,
    imports=("pandas", "scipy.special", "tribolake.oil.limits.groups"),
    entry_folders=(FEEDBACK_FOLDER,),
    page_of_trouble=page_of_trouble,
)
