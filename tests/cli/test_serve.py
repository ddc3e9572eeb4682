"""Test `tribolake serve` as a process: what it refuses, that it answers, and how it ends."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tribolake.cli.demo import how_to_serve
from tribolake.cli.options import Exit
from tribolake.settings import Settings, load_settings

HIDDEN = """
import sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "fastapi":
            raise ModuleNotFoundError(f"No module named {name!r}", name="fastapi")

sys.meta_path.insert(0, Hidden())
"""


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.4", "::", "example.com"])  # noqa: S104 - refused
def test_serve_refuses_to_be_reached_from_elsewhere(tribolake, settings: Settings, host: str):
    ended = tribolake("serve", "--lake", str(settings.lake), "--host", host, "--port", "0")
    assert ended.returncode == Exit.USAGE
    assert "nothing asks who they are: use 127.0.0.1" in ended.stderr


def test_serve_without_its_packages_says_what_to_install(tribolake, settings: Settings, tmp_path: Path):
    (tmp_path / "sitecustomize.py").write_text(HIDDEN, encoding="utf-8")
    ended = tribolake("serve", "--lake", str(settings.lake), PYTHONPATH=str(tmp_path))
    assert ended.returncode == Exit.USAGE
    assert ended.stderr.splitlines() == [
        "tribolake: fastapi is not installed: install requirements-web.lock, or `pip install 'tribolake[web]'`"
    ]


def test_serve_answers_until_it_is_interrupted(settings: Settings):
    settings.lake.mkdir()
    words = [sys.executable, "-m", "tribolake", "serve", "--lake", str(settings.lake), "--port", "0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ) as server:
        try:
            assert server.stdout is not None
            address = server.stdout.readline().strip()
            assert address.startswith("http://127.0.0.1:")
            assert httpx.get(f"{address}health").json() == {"status": "ok", "published": []}
            answer = httpx.get(address)
            assert "Todavía no hay nada publicado" in answer.text
            assert "server" not in answer.headers
            head = httpx.head(address)
            assert (head.status_code, head.content) == (200, b"")
            assert head.headers["content-length"] == str(len(answer.content))
            port = address.rpartition(":")[2].strip("/")
            taken = subprocess.run([*words[:-1], port], capture_output=True, text=True, timeout=60, check=False)
            assert (taken.returncode, "--port chooses another one" in taken.stderr) == (Exit.USAGE, True)
            server.send_signal(signal.SIGINT)
            assert server.wait(20) == 0
            assert server.stderr is not None
            assert server.stderr.read() == ""
        finally:
            server.kill()


@pytest.mark.parametrize("is_installed", [True, False])
def test_demo_names_a_command_that_a_shell_understands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_installed: bool
):
    if not is_installed:
        monkeypatch.setattr("tribolake.cli.demo.find_spec", lambda name: None)
    said = how_to_serve(load_settings(lake=tmp_path / "my lake; rm"))
    assert "\n" not in said
    assert ("http://127.0.0.1:8710/" in said, "requirements-web.lock" in said) == (is_installed, not is_installed)
    command = said[said.index("tribolake serve") :].partition("  and open")[0]
    assert shlex.split(command) == ["tribolake", "serve", "--lake", str(tmp_path / "my lake; rm")]
