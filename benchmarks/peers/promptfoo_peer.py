"""promptfoo: an ``exec:`` provider that asks the judge; ``--max-concurrency`` lanes."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

from benchmarks.peers.calls import LANES, SLOTS

place = Path(os.environ["BENCHMARK_LOGS"])
# One provider for all calls: it looks its command up by the number that the prompt is.
script = place / "provider.sh"
cases = "\n".join(f"{n}) exec {shlex.join(argv)} ;;" for n, argv in enumerate(SLOTS))
script.write_text(f'#!/bin/sh\ncase "$1" in\n{cases}\nesac\n')
script.chmod(0o755)
tests = [{"vars": {"number": str(n)}, "assert": [{"type": "is-json"}]} for n in range(len(SLOTS))]
config = {"prompts": ["{{number}}"], "providers": [f"exec:{script}"], "tests": tests}
(place / "promptfooconfig.json").write_text(json.dumps(config))
done = subprocess.run(
    [
        *(sys.argv[2], "eval", "--no-cache", "--no-progress-bar", "--no-table", "--no-share"),
        *("--max-concurrency", str(LANES), "-c", "promptfooconfig.json", "-o", "out.json"),
    ],
    cwd=place,
    env=os.environ
    | {"PROMPTFOO_DISABLE_TELEMETRY": "1", "PROMPTFOO_DISABLE_UPDATE": "1"}
    | {"PROMPTFOO_CONFIG_DIR": str(place / "config")},
    check=False,
)
found = json.loads((place / "out.json").read_text())["results"]["stats"]
if done.returncode != 0 or found["successes"] != len(SLOTS):
    raise SystemExit(f"promptfoo ended with {done.returncode}: {found}")
