"""500 hostile names and cells: no control character reaches an output, and every file stays where it belongs."""

from __future__ import annotations

import random
import re
from pathlib import Path

import duckdb
import pytest

from tests.support.lab_files import finning
from tests.support.published_lakes import home_of
from tribolake.texts import UNSEEN

NAMES = 500
CLIENTS = ("cda", "emin")
PIECES = (
    *("\x1b[2J", "\x1b]0;OWNED\x07", "\x9b31m", "\n", "\r", "\t", "\x08", "\x7f", "\u202e", "\u2066", "\u200b"),
    *("[red]", "[/]", "\\", "{{ 7 * 7 }}", "{% raw %}", "%s%n", "$(id)", "`id`", "; rm -rf .", "'; drop table x; --"),
    *("..", "...", "-rf", "~", "%2e%2e", "%00", "<script>", "&amp;", "=cmd|' /C calc'!A0", "ñ", "n\u0303", "柴油", "🛢"),
    *("con", "nul", "T-09", " ", "  ", "#", "?", "*", "|", ":", "oil-analysis", "gold", "_current", "a" * 100, '"'),
)
SUFFIXES = (".xlsx", ".csv", ".parquet", ".xls", ".txt", "")
OUTPUTS = (
    ("run",), ("status",), ("status", "--check"), ("arrivals", "list"), ("rejected", "list"), ("verify",),
    ("alias", "suggest"), ("query", "select * from classified_reports"),
    ("query", "--csv", "select * from classified_reports"),
)  # fmt: skip


def hostile(chance: random.Random) -> str:
    return "".join(chance.choices(PIECES, k=chance.randint(1, 4)))


def names(chance: random.Random) -> list[str]:
    """Names of files as a file system and a store accept them: no slash, at most 200 bytes, none hidden by a rule."""
    found = [f"{number:03d}{hostile(chance)}"[:60] + chance.choice(SUFFIXES) for number in range(NAMES)]
    return [name.encode()[:200].decode(errors="ignore") for name in found]


def workbook(chance: random.Random) -> bytes:
    """A workbook of Finning with a hostile text in every field and some essays."""
    return finning(
        *(
            {
                "No. de control de laboratorio": f"H-{number} {hostile(chance)}",
                "ID de equipo": hostile(chance),
                "Fecha de Toma de Muestra": chance.choice(["2026-01-05", hostile(chance)]),
                "Compartimento": hostile(chance),
                "Fe": hostile(chance),
            }
            for number in range(100)
        )
    )


def outside(folder: Path) -> set[str]:
    """What stands in a folder beside the lake and the disks of machines."""
    mine = (folder / "lake", folder / "disks")
    return {path.as_posix() for path in folder.rglob("*") if path not in mine and not {*mine} & {*path.parents}}


@pytest.mark.slow
@pytest.mark.parametrize("published", ["folder", "rgw"])  # moto takes no key with a newline
def test_hostile_names_and_cells_reach_nothing(request, published, tmp_path, tribolake):
    chance = random.Random(500)  # noqa: S311 - names, not secrets
    request.param = published
    with home_of(request, tmp_path) as home:
        for number, name in enumerate(names(chance)):
            content = workbook(chance) if number < 3 else hostile(chance).encode()
            home.put(f"oil-analysis/bronze/{CLIENTS[number % 2 if number >= 3 else 0]}/2026-01-10/{name}", content)
        for number in range(20):
            home.put(f"oil-analysis/bronze/{number}{hostile(chance)}/x.csv".replace("..", "__"), b"a;b\n1;2\n")
        settings = home.settings()
        before = outside(tmp_path)
        flags = ("--lake", settings.address)
        environment = {"TRIBOLAKE_STATE_DIR": str(settings.state)}
        printed = []
        for words in OUTPUTS:
            ended = tribolake(*words, *flags, **environment)
            assert ended.returncode in (0, 1, 4), (words, ended.stderr[-2000:])
            assert "Traceback" not in ended.stderr, (words, ended.stderr[-2000:])
            output = ended.stdout + ended.stderr
            # CSV keeps the texts of cells. A terminal is not where it goes here.
            unseen = UNSEEN.findall(output.replace("\n", "")) if "--csv" not in words else []
            assert not unseen, (words, unseen[:5])
            printed.append(output)
        assert len(re.findall(r"^failed ", printed[0], re.MULTILINE)) >= 1
        assert outside(tmp_path) == before
        with duckdb.connect(settings.warehouse, read_only=True) as warehouse:
            strayed = warehouse.execute(
                "select client, file_key from bronze.bronze_arrivals where split_part(file_key, '/', 3) <> client"
            ).fetchall()
            arrived = warehouse.execute("select count(distinct file_key) from bronze.bronze_arrivals").fetchone()
        assert [one for one in strayed if one[0] in CLIENTS] == []
        assert arrived is not None
        assert arrived[0] >= NAMES * 0.9  # the others are no delivery by their name
