"""Servers that refuse what is too much: plain retries against gates that learn the pace."""

from __future__ import annotations

import json
import sys
import threading
import time
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.experiments import write_experiment
from benchmarks.measure import (
    Options,
    Table,
    in_turn,
    new_directory,
    pytest_command,
    run,
    version_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TEXT = json.dumps({"score": 0.5, "passed": True, "reasoning": "As good as any."})

# What people write around a client: a pool, and a few tries that wait as the server asks.
RETRIES = """\
import json, os, random, time, urllib.error, urllib.request
from concurrent.futures import ThreadPoolExecutor

def ask(call):
    url, model = call
    body = json.dumps({"model": model, "messages": []}).encode()
    for attempt in range(50):
        request = urllib.request.Request(url + "/chat/completions", body)
        try:
            return urllib.request.urlopen(request, timeout=60).read()
        except urllib.error.HTTPError as error:
            wait = float(error.headers.get("Retry-After") or 1)
            time.sleep(max(wait, random.random() * min(60, 2**attempt)))
    raise SystemExit("gave up")

with ThreadPoolExecutor(int(os.environ["LANES"])) as pool:
    list(pool.map(ask, json.loads(os.environ["CALLS"])))
"""


class Limited:
    """What a server allows each model: calls a second, and how many at once after a rest."""

    def __init__(self, rates: Mapping[str, float]) -> None:
        self._rates = rates
        self._lock = threading.Lock()
        self._left = {model: (max(1.0, rate), time.monotonic()) for model, rate in rates.items()}
        self.answered: list[tuple[float, str]] = []
        self.refused = 0

    def wait(self, model: str) -> float:
        """Return 0.0 for a call that is let in, else the seconds until one will be."""
        rate = self._rates[model]
        with self._lock:
            left, at = self._left[model]
            now = time.monotonic()
            left = min(max(1.0, rate), left + (now - at) * rate)
            if left >= 1:
                self._left[model] = left - 1, now
                self.answered.append((now, model))
                return 0.0
            self._left[model] = left, now
            self.refused += 1
            return (1 - left) / rate


@contextmanager
def server(rates: Mapping[str, float]) -> Iterator[tuple[str, Limited]]:
    """Serve chat completions on the loopback; yield the address, and what was let in."""
    limited = Limited(rates)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            """Answer after a tenth of a second, or refuse at once."""
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            wait = limited.wait(body["model"])
            if wait == 0:
                time.sleep(0.1)
            choice = {"message": {"content": TEXT}, "finish_reason": "stop"}
            answer = {"model": body["model"], "choices": [choice]} if wait == 0 else {"error": {}}
            content = json.dumps(answer).encode()
            self.send_response(200 if wait == 0 else 429)
            self.send_header("Content-Length", str(len(content)))
            if wait:
                self.send_header("Retry-After", f"{max(1, round(wait + 0.5))}")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        request_queue_size = 256

    found = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=found.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{found.server_address[1]}/v1", limited
    finally:
        found.shutdown()
        found.server_close()


def retries(rates: Mapping[str, float], runs: int, lanes: int) -> tuple[float, ...]:
    """Make the calls with plain retries."""
    with server(rates) as (url, limited), new_directory() as temporary:
        calls = json.dumps([(url, model) for _ in range(runs) for model in rates])
        told = {"CALLS": calls, "LANES": str(lanes)}
        run([sys.executable, "-c", RETRIES], Path(temporary), environment=told)
        return figures(limited, rates, runs)


def ours(rates: Mapping[str, float], runs: int, lanes: int) -> tuple[float, ...]:
    """Judge an experiment."""
    with server(rates) as (url, limited), new_directory() as temporary:
        place = Path(temporary)
        settings = {"kind": "openai", "base_url": url, "require_token": False}
        judges = [{"name": model, "model": model, **settings} for model in rates]
        write_experiment(place / "e", judges, runs)
        (place / "pytest.ini").write_text("[pytest]\n")
        run(pytest_command("e", f"--parallel={lanes}"), place)
        return figures(limited, rates, runs)


def figures(limited: Limited, rates: Mapping[str, float], runs: int) -> tuple[float, ...]:
    """Return seconds from the first answer to the last, refusals, and when each model was done."""
    if len(limited.answered) != runs * len(rates):
        raise SystemExit(f"{len(limited.answered)} answers, not {runs * len(rates)}")
    began = limited.answered[0][0]
    ends = [max(at for at, model in limited.answered if model == name) for name in rates]
    return max(ends) - began, float(limited.refused), *(end - began for end in ends)


def tables(options: Options) -> Iterator[Table]:
    """Measure one model at 20 lanes, and three at 32."""
    if version_of("httpx") is None:
        note = "Judges over HTTP need httpx, which is not installed."
        yield Table("Rate limits", note, ("",), ())
        return
    one = max(15, round(60 * options.scale))
    yield _table("One model, 10 calls a second", {"m": 10.0}, one, 20, options)
    three = {"fast": 4.0, "middle": 0.8, "slow": 0.15}
    yield _table("Three models", three, max(3, round(12 * options.scale)), 32, options)


def _table(
    title: str, rates: Mapping[str, float], runs: int, lanes: int, options: Options
) -> Table:
    subjects = {
        "plain retries": partial(retries, rates, runs, lanes),
        "pytest --parallel": partial(ours, rates, runs, lanes),
    }
    found = in_turn(subjects, max(1, options.rounds // 2))
    # The first calls after a rest are let in at once.
    least = max((runs - max(1.0, rate)) / rate for rate in rates.values())
    rows = [("no call refused, none late", f"{least:.1f} s", "1.00", "0", "")]
    for name, (seconds, refused, *ends) in found.items():
        done = ", ".join(f"{m} {end:.1f} s" for m, end in zip(rates, ends, strict=True))
        rows.append((name, f"{seconds:.1f} s", f"{seconds / least:.2f}", f"{refused:.0f}", done))
    limits = ", ".join(f"{model} {rate:g}" for model, rate in rates.items())
    note = (
        f"{runs * len(rates)} calls, {lanes} lanes; the server allows (calls a second) {limits}, "
        "and answers others with 429 and Retry-After."
    )
    head = ("", "first answer to last", "to the least", "refused", "done after")
    return Table(title, note, head, tuple(rows))
