"""The table of the plan's lines in docs/market.md leads to tests that exist, and covers the plan's checklist."""

from __future__ import annotations

import re

import pytest

from tribolake.settings import PROJECT_DIR

DOCS = PROJECT_DIR / "docs" / "market.md"
ROW = re.compile(
    r"^\| (?P<line>.+?) \| (?P<where>.+?) \| `(?P<file>tests/[\w/]+\.py)`: `(?P<test>\w+)` \|$", re.MULTILINE
)
SECTION = DOCS.read_text(encoding="utf-8").split("## The plan, line by line")[1].split("\n## ")[0]
ROWS = [found.groupdict() for found in ROW.finditer(SECTION)]
# Of the plan's "Testing Checklist".
CHECKLIST = (
    "Store indicators to data lake after computation",
    "Tags link processed data to source raw data",
    "Metadata contains computation version and source key",
    "Multiple computations create multiple versions",
    "Lifecycle",
    "Data lake storage failure doesn't break Aurora storage",
)


def test_each_row_of_the_table_is_understood():
    assert len(ROWS) == SECTION.count("\n| ") - 1 > 15  # but the header
    lines = [row["line"] for row in ROWS]
    assert [line for line in CHECKLIST if not any(known.startswith(line) for known in lines)] == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["line"][:40])
def test_line_of_the_plan_has_its_code_and_its_test(row: dict[str, str]):
    assert f"def {row['test']}(" in (PROJECT_DIR / row["file"]).read_text(encoding="utf-8")
    for path in re.findall(r"`((?:market|lake|web)/[\w/]+\.\w+|infra/\w+\.\w+)`", row["where"]):
        folder = PROJECT_DIR if path.startswith("infra/") else PROJECT_DIR / "python" / "tribolake"
        assert (folder / path).is_file(), path
