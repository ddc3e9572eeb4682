"""People are told of a trouble once, over a real socket, and again only if it comes back."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tribolake.run.notify import tell, tell_failure
from tribolake.settings import Settings, load_settings


class Receiver(HTTPServer):
    """Keeps the bodies of the messages that it was sent; answers 503 while it is broken."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.messages: list[str] = []
        self.is_broken = False


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert isinstance(self.server, Receiver)
        if not self.server.is_broken:
            self.server.messages.append(json.loads(body)["message"])
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
    found = load_settings(lake=tmp_path, notify=[f"json://127.0.0.1:{receiver.server_port}"])
    found.state.mkdir(parents=True)
    return found


TRUCK = {"machine CDA T_09": "CDA T_09 is Anormal, look at motor"}
FILE = {"file a.xlsx": "a.xlsx: cut short"}


def test_given_a_trouble_that_lasts_then_it_is_told_once(settings, receiver):
    assert tell(settings, TRUCK)
    assert tell(settings, TRUCK)
    assert receiver.messages == ["CDA T_09 is Anormal, look at motor"]


def test_given_a_new_trouble_beside_an_old_one_then_only_the_new_one_is_told(settings, receiver):
    tell(settings, TRUCK)
    tell(settings, TRUCK | FILE)
    assert receiver.messages[1:] == ["a.xlsx: cut short"]


def test_given_a_trouble_that_comes_back_then_it_is_told_again(settings, receiver):
    for troubles in (TRUCK, {}, TRUCK):
        tell(settings, troubles)
    assert receiver.messages == ["CDA T_09 is Anormal, look at motor"] * 2


def test_given_a_failed_run_then_machines_that_were_told_stay_told(settings, receiver):
    tell(settings, TRUCK)
    tell_failure(settings, RuntimeError("disk full"))
    tell_failure(settings, RuntimeError("disk full"))
    tell(settings, TRUCK)
    assert receiver.messages == ["CDA T_09 is Anormal, look at motor", "the run failed: disk full"]


def test_given_a_receiver_that_is_down_then_the_message_is_sent_when_it_is_back(settings, receiver):
    receiver.is_broken = True
    assert not tell(settings, TRUCK)
    receiver.is_broken = False
    assert tell(settings, TRUCK)
    assert receiver.messages == ["CDA T_09 is Anormal, look at motor"]


def test_given_no_address_then_nobody_is_told(tmp_path):
    settings = load_settings(lake=tmp_path)
    assert tell(settings, TRUCK)
    assert not (settings.state / "notified.json").exists()
