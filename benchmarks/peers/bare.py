"""The bare pool: what is compared with."""

from concurrent.futures import ThreadPoolExecutor

from benchmarks.peers.calls import LANES, SLOTS, ask

with ThreadPoolExecutor(LANES) as pool:
    scores = list(pool.map(ask, SLOTS))
if len(scores) != len(SLOTS):
    raise SystemExit("calls are missing")
