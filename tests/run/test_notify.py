"""Messages about troubles, over a real socket: a trouble is sent once, and again only if it comes back."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tribolake.errors import RunFailed
from tribolake.run.notify import tell, tell_failure
from tribolake.settings import Settings, load_settings


class Receiver(HTTPServer):
    """Keep the bodies of received messages. Answer 503 while broken."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.messages: list[str] = []
        self.titles: list[str] = []
        self.is_broken = False


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert isinstance(self.server, Receiver)
        if not self.server.is_broken:
            self.server.messages.append(body["message"])
            self.server.titles.append(body["title"])
        self.send_response(503 if self.server.is_broken else 200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


@pytest.fixture
def settings(receiver: Receiver, tmp_path) -> Settings:
    found = load_settings(lake=tmp_path, language="en", notify=[f"json://127.0.0.1:{receiver.server_port}"])
    found.state.mkdir(parents=True)
    return found


TRUCK = {"machine CDA T_09": "CDA T_09 is Anormal, look at motor"}
FILE = {"file a.xlsx": "a.xlsx: cut short"}


def test_lasting_trouble_is_sent_once(settings, receiver):
    assert tell(settings, TRUCK)
    assert tell(settings, TRUCK)
    assert receiver.messages == ["CDA T_09 is Anormal, look at motor"]


def test_new_trouble_next_to_an_old_one_is_sent_alone(settings, receiver):
    tell(settings, TRUCK)
    tell(settings, TRUCK | FILE)
    assert receiver.messages[1:] == ["a.xlsx: cut short"]


def test_trouble_that_comes_back_is_sent_again(settings, receiver):
    for troubles in (TRUCK, {}, TRUCK):
        tell(settings, troubles)
    assert receiver.messages == ["CDA T_09 is Anormal, look at motor"] * 2


def test_failed_run_keeps_the_memory_of_sent_troubles(settings, receiver):
    tell(settings, TRUCK)
    tell_failure(settings, RunFailed("disk full"))
    tell_failure(settings, RunFailed("disk full"))
    tell(settings, TRUCK)
    assert receiver.messages == ["CDA T_09 is Anormal, look at motor", "the run failed: disk full"]


def test_message_refused_by_the_receiver_is_sent_later(settings, receiver):
    receiver.is_broken = True
    assert not tell(settings, TRUCK)
    receiver.is_broken = False
    assert tell(settings, TRUCK)
    assert receiver.messages == ["CDA T_09 is Anormal, look at motor"]


@pytest.mark.parametrize(
    ("language", "titles", "last_line", "failure"),
    [
        ("en", ["1 new problem", "25 new problems"], "… and 5 more: `tribolake status` shows all", "the run failed: x"),
        (
            "es",
            ["1 problema nuevo", "25 problemas nuevos"],
            "… y 5 más: `tribolake status` los muestra todos",
            "la corrida falló: x",
        ),
    ],
)
def test_titles_and_sentences_are_in_the_language_of_the_lake(settings, receiver, language, titles, last_line, failure):
    settings = settings.changed(language=language)
    tell_failure(settings, RunFailed("x"))
    tell(settings, {f"file {number}": str(number) for number in range(25)})
    assert receiver.titles == [f"tribolake: {title}" for title in titles]
    assert receiver.messages[0] == failure
    assert receiver.messages[1].splitlines()[-1] == last_line


def test_message_has_no_control_characters_of_a_name(settings, receiver):
    tell(settings, {"machine CDA x": "CDA T\x1b[2J\n09\u202e is Anormal"})
    assert receiver.messages == ["CDA T\\x1b[2J\\n09\\u202e is Anormal"]


def test_notify_without_an_address_sends_nothing(tmp_path):
    settings = load_settings(lake=tmp_path)
    assert tell(settings, TRUCK)
    assert not (settings.state / "notified.json").exists()
