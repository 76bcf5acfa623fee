"""The child process of a ``python`` judge: imports nothing of the harness.

Usage: python_child.py MODULE:FUNCTION IMPORT:PATH:LIST NAME=PATH ..., the prompt on stdin.

The function is called as ``function(prompt, paths)``. ``paths`` has the attributes
``experiment``, ``run_dir``, ``prompt_file``, ``output``, and ``workspace``
(``pathlib.Path``; None for what the run does not have). It returns the reply: text,
or a mapping that is written as JSON. What it prints is kept as stderr.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import types
from collections.abc import Mapping
from pathlib import Path


def main(call: str, search: str, *described: str) -> None:
    """Call the function and write its reply to the real stdout."""
    sys.path[:] = search.split(":")
    reply_fd = os.dup(1)
    os.dup2(2, 1)  # what the function prints is not its reply
    prompt = sys.stdin.buffer.read().decode("utf-8")
    paths = types.SimpleNamespace(
        experiment=None, run_dir=None, prompt_file=None, output=None, workspace=None
    )
    for pair in described:
        name, _, path = pair.partition("=")
        setattr(paths, name, Path(path))
    module, _, name = call.partition(":")
    function: object = importlib.import_module(module)
    for part in name.split("."):
        function = getattr(function, part)
    if not callable(function):
        raise TypeError(f"{call} is not callable")
    reply = function(prompt, paths)
    text = json.dumps(reply) if isinstance(reply, Mapping) else reply
    if not isinstance(text, str):
        raise TypeError(f"{call} must return text or a mapping, got {type(reply).__name__}")
    with os.fdopen(reply_fd, "w", encoding="utf-8", errors="backslashreplace") as stream:
        stream.write(text)


if __name__ == "__main__":
    main(*sys.argv[1:])
