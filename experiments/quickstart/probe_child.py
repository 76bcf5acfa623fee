"""Calls the agent's functions, in a process of its own: the other half of prober.py.

The calls are read from stdin as a JSON list of [name, argument]. One JSON object per line
goes to stdout: first what came of the import, then what came of each call.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    """Import durations.py from the working directory and make the calls."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what the agent's code prints is no answer
    calls = json.load(sys.stdin)
    sys.path.insert(0, str(Path.cwd()))
    loaded = attempt(importlib.import_module, "durations")
    print(json.dumps({"raised": loaded.get("raised")}), file=answers)
    module = sys.modules.get("durations")
    for name, argument in calls if "raised" not in loaded else ():
        print(json.dumps(attempt(call, module, name, argument)), file=answers)


def call(module: Any, name: str, argument: Any) -> Any:
    """Call a function of the agent's by its name, or both for a round trip."""
    if name == "round_trip":
        return module.parse(module.humanize(argument))
    return getattr(module, name)(argument)


def attempt(function: Any, *arguments: Any) -> dict[str, Any]:
    """Return the value, or the name of the exception; ValueError stands for its subclasses."""
    try:
        value = function(*arguments)
        if type(value) not in (int, str) or len(str(value)) > 1000:  # noqa: PLR2004 - none is so long
            return {"type": type(value).__name__}
    except ValueError:
        return {"raised": "ValueError"}
    except BaseException as error:  # noqa: BLE001 - SystemExit, too, is an answer of the agent's code
        return {"raised": type(error).__name__}
    return {"type": type(value).__name__, "value": value}


if __name__ == "__main__":
    main()
