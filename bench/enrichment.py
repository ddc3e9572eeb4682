"""Measure the enrichment of many patterns without a wording, with an endpoint that answers after 0.3 s.

Measured are looking up stored wordings, asking, judging each reply, and keeping each wording durably. The floor is the
time of the endpoint, patterns × latency / concurrency. The endpoint is another process that answers every request
with the same reply. Prints a table and one JSON object.

    python bench/enrichment.py
    python bench/enrichment.py --patterns 500 --concurrency 8 64
    python bench/enrichment.py --profile          shows where this process spends its time
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import json
import multiprocessing
import pstats
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import cast

from tribolake.oil.wording.enrich import enrich
from tribolake.oil.wording.pattern import Pattern
from tribolake.oil.wording.prompt import read_examples
from tribolake.oil.wording.result import Pending
from tribolake.oil.wording.segments import open_wordings
from tribolake.oil.wording.wording import canonical_json
from tribolake.settings import load_settings

LATENCY_SECONDS = 0.3
PATTERNS = 5000
CONCURRENCIES = (8, 64)
# At a low concurrency fewer patterns are enough.
MOST_FLOOR_SECONDS = 30.0
EXAMPLE, REPLY = read_examples()[0]


@dataclass(frozen=True)
class Measured:
    """One enrichment: wall seconds, and processor seconds of this process."""

    concurrency: int
    patterns: int
    seconds: float
    floor_seconds: float
    cpu_seconds: float

    @property
    def ratio(self) -> float:
        return round(self.seconds / self.floor_seconds, 2)

    @property
    def cpu_ms_per_pattern(self) -> float:
        return round(1000 * self.cpu_seconds / self.patterns, 2)


class Answering(asyncio.Protocol):
    """A minimal HTTP/1.1 server. Every request gets the same answer after the latency."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            length = int(self._received[:end].lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
            if len(self._received) < end + 4 + length:
                return
            self._received = self._received[end + 4 + length :]
            asyncio.get_running_loop().call_later(LATENCY_SECONDS, self._transport.write, self._answer)


def answer() -> bytes:
    content = json.dumps(REPLY, ensure_ascii=False)
    message = {"role": "assistant", "content": content, "refusal": None}
    body = json.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": "bench",
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
            "usage": {"prompt_tokens": 1500, "completion_tokens": 150, "total_tokens": 1650},
        }
    ).encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def serve(port: Connection) -> None:
    async def forever() -> None:
        said = answer()
        server = await asyncio.get_running_loop().create_server(lambda: Answering(said), "127.0.0.1", 0, backlog=1024)
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(forever())


@contextmanager
def open_endpoint() -> Iterator[str]:
    """Start an endpoint in another process. Yields its address."""
    spawn = multiprocessing.get_context("spawn")
    heard, said = spawn.Pipe(duplex=False)
    process = spawn.Process(target=serve, args=(said,), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{heard.recv()}/v1"
    finally:
        process.terminate()
        process.join()


def pattern_of(number: int) -> Pattern:
    """Make a unique pattern that the reply of the example fits."""
    return Pattern(canonical_json(json.loads(EXAMPLE.text) | {"component": f"component {number}"}))


def measure(address: str, concurrency: int, patterns: int, profile: bool = False) -> Measured:
    pending = [Pending(pattern_of(number), 1) for number in range(patterns)]
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(
            lake=Path(folder),
            language="es",
            openai_api_key="sk-bench",
            openai_base_url=address,
            ai_concurrency=concurrency,
            ai_prices="0.4,1.6",
        )
        cache = open_wordings(settings)
        began, used = time.perf_counter(), cpu_seconds()
        with cProfile.Profile() if profile else nullcontext() as profiled:
            done = enrich(settings, pending, cache)
        seconds, used = time.perf_counter() - began, cpu_seconds() - used
        if profiled is not None:
            pstats.Stats(profiled).sort_stats("tottime").print_stats(35)
    if done.accepted != patterns:
        raise SystemExit(f"{done.accepted} of {patterns} wordings: {done.as_dict()}")
    floor = patterns * LATENCY_SECONDS / concurrency
    return Measured(concurrency, patterns, round(seconds, 2), round(floor, 2), round(used, 2))


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patterns", type=int, default=PATTERNS, help="patterns without a wording")
    parser.add_argument("--concurrency", type=int, nargs="+", default=CONCURRENCIES, help="calls at once")
    parser.add_argument("--profile", action="store_true", help="show where time is spent, which itself takes time")
    arguments = parser.parse_args()
    measured = []
    print(f"{'calls at once':>13}{'patterns':>10}{'seconds':>10}{'floor':>8}{'ratio':>7}{'ms of CPU each':>16}")
    with open_endpoint() as address:
        measure(address, min(arguments.concurrency), min(arguments.concurrency))  # late imports are not measured
        for concurrency in arguments.concurrency:
            most = int(MOST_FLOOR_SECONDS * concurrency / LATENCY_SECONDS)
            each = measure(address, concurrency, min(arguments.patterns, most), arguments.profile)
            print(
                f"{concurrency:13}{each.patterns:10,}{each.seconds:10.2f}{each.floor_seconds:8.2f}{each.ratio:7.2f}"
                f"{each.cpu_ms_per_pattern:16.2f}"
            )
            measured.append(asdict(each) | {"ratio": each.ratio, "cpu_ms_per_pattern": each.cpu_ms_per_pattern})
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
