"""The published contract of the oil product."""

from __future__ import annotations

from tribolake.oil.limits.versions import LIMITS
from tribolake.product import Contract, Entity, PublicTable

SAMPLE_KEY = ("sampleNumber", "laboratory")
BY_COMPONENT = ("unitId", "componentName", "sampleTimestamp", "sampleNumber")
GROUP = ("machine", "component", "essay")

REPORTS = PublicTable("classified_reports", "gold.classified_reports", key=SAMPLE_KEY, order=BY_COMPONENT)
MACHINES = PublicTable("machine_status_current", "gold.machine_status_current", key=("unit_id",), order=("unit_id",))
STEWART_LIMITS = PublicTable(LIMITS.table, "limits.stewart_limits", key=GROUP, order=GROUP)
SAMPLES = PublicTable("harmonized", "silver.samples", key=SAMPLE_KEY, order=BY_COMPONENT, without=("row_id",))

CONTRACT = Contract(
    schema_version="1.0",
    tables=(REPORTS, MACHINES, STEWART_LIMITS),
    samples=SAMPLES,
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
        where client = $client and is_live order by file_key, sha256
    """,
    change_log="logs/changes.jsonl",
    versioned=LIMITS,
)  # fmt: skip
