"""Warnings of slots that are judged in threads: each slot's go to its own record.

Python keeps the filters, and what has been shown already, for the whole process.
pytest starts anew for each item; here one context serves all slots of the pool, so
every warning comes through, and what is to be shown once is counted for each slot.
"""

from __future__ import annotations

import contextlib
import functools
import sys
import warnings
from typing import TYPE_CHECKING, Any, TextIO

from _pytest.warnings import catch_warnings_for_item

from harness.plugin.records import current

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest

SHOWN_ONCE = ("default", "module", "once")
"""Actions that show only the first warning of a line, of a file, or of a text."""


@contextlib.contextmanager
def routed_warnings(config: pytest.Config) -> Iterator[None]:
    """Route warnings by thread; the configured filters hold."""
    if not config.pluginmanager.hasplugin("warnings"):
        yield
        return
    with catch_warnings_for_item(config, config.hook, when="runtest", item=None):
        rules = list(warnings.filters)
        warnings.filters[:] = [  # type: ignore[index] # a list, whatever its type says
            ("always" if action in SHOWN_ONCE else action, *rest) for action, *rest in rules
        ]
        warnings.simplefilter("always", append=True)  # also tells Python that filters changed
        shown = warnings.showwarning
        warnings.showwarning = functools.partial(_show, shown, rules)
        yield


def _show(  # noqa: PLR0917 - the signature of warnings.showwarning
    shown: Callable[..., None],
    rules: list[Any],
    message: Warning,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    record = current()
    if record is None:
        shown(message, category, filename, lineno, file, line)
        return
    key = _once(rules, str(message), category, filename, lineno)
    if key is None or key not in record.warned:
        record.warned.add(key)
        record.warnings.append(
            warnings.WarningMessage(message, category, filename, lineno, file, line)
        )


def _once(
    rules: list[Any], text: str, category: type[Warning], filename: str, lineno: int
) -> tuple[object, ...] | None:
    """Return what a slot shows only once of a warning; None if it shows every one."""
    match _action(rules, text, category, filename, lineno):
        case "default":
            return text, category, filename, lineno
        case "module":
            return text, category, filename
        case "once":
            return text, category
        case _:
            return None


def _action(
    rules: list[Any], text: str, category: type[Warning], filename: str, lineno: int
) -> str:
    """Return the action of the first filter that fits, as Python chooses it."""
    for action, message, wanted, module, line in rules:
        if (
            issubclass(category, wanted)
            and (message is None or message.match(text))
            and line in (0, lineno)
            and (module is None or module.match(_module_of(filename)))
        ):
            return str(action)
    return "default"


def _module_of(filename: str) -> str:
    """Return the name of the module that a file was loaded as."""
    for name, module in list(sys.modules.items()):
        if getattr(module, "__file__", None) == filename:
            return name
    return filename.removesuffix(".py")
