"""The published contract of the oil product."""

from __future__ import annotations

from tribolake.oil.limits.versions import LIMITS
from tribolake.product import Contract, Entity, PublicTable

SAMPLE_KEY = ("sampleNumber", "laboratory", "sampleOccurrence")
BY_COMPONENT = ("unitId", "componentName", "sampleTimestamp", *SAMPLE_KEY)
GROUP = ("machine", "component", "essay", "unit")

REPORTS = PublicTable("classified_reports", "gold.classified_reports", key=SAMPLE_KEY, order=BY_COMPONENT)
MACHINES = PublicTable("machine_status_current", "gold.machine_status_current", key=("unit_id",), order=("unit_id",))
STEWART_LIMITS = PublicTable(LIMITS.table, "limits.stewart_limits", key=GROUP, order=GROUP)
# What pages and `status` show of a component and of a report, without the many columns of `classified_reports`.
COMPONENTS = PublicTable(
    "component_status", "gold.component_status", key=("unit_id", "component"), order=("unit_id", "component")
)
# A component's rows, and so those of a report, are next to one another.
RESULTS = PublicTable(
    "results",
    "gold.report_results",
    key=(*SAMPLE_KEY, "essay"),
    order=(*BY_COMPONENT, "essay"),
    has_history=False,
)
SAMPLES = PublicTable(
    "harmonized", "silver.samples", key=SAMPLE_KEY, order=BY_COMPONENT, without=("row_id", "previous_row_id")
)
REJECTED = PublicTable(
    "rejected",
    "silver.rejected",
    key=(),
    order=("file_key", "sheet", "row_number", "column_name", "reason", "sampleNumber", "essay", "text", "detail"),
    without=("cells", "content_id"),
)

CONTRACT = Contract(
    schema_version="2.4",
    tables=(REPORTS, MACHINES, STEWART_LIMITS, COMPONENTS, RESULTS),
    samples=SAMPLES,
    sample_time="sampleTimestamp",
    entities=(
        Entity("samples", SAMPLES),
        Entity("classified_reports", REPORTS, status="report_status"),
        Entity("machine_status_current", MACHINES, status="overall_status"),
        Entity(
            "stewart_limits",
            STEWART_LIMITS,
            thresholds=(
                "threshold_normal", "threshold_alert", "threshold_critic", "lower_normal", "lower_alert",
                "lower_critic",
            ),
        ),
    ),
    sources="""
        select file_key, version_id, sha256, size_bytes from changes.int_contents
        where client in (select client from seeds.clients where lower(client_code) = $client) and is_live
        order by file_key, sha256
    """,
    change_log="logs/changes.jsonl",
    versioned=LIMITS,
    notes=(REJECTED,),
)  # fmt: skip
