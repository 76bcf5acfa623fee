"""Make ``docs/api.md`` from the package: ``python -m tests.api_page > docs/api.md``."""

from __future__ import annotations

import dataclasses
import enum
import inspect
import re
from typing import Any

import harness

HEAD = """\
# The API

What `import harness` offers, and all of it: every other name may change with any version.
The names are loaded when they are first used.
This page is made from the code; [concepts](concepts.md) has the words,
[the library's page](library.md) examples.

"""

GROUPS = {
    "Calls": ("judge_experiment", "measure_agreement", "compare_experiments"),
    "What they return": ("Statistics", "Agreement", "Comparison", "Figure"),
    "Values": (
        *("Experiment", "Run", "JudgeSpec", "Slot", "SlotStatus"),
        *("Judgment", "Consensus", "Rule", "Rubric", "Calls"),
    ),
    "For judges and layouts": (
        *("Judge", "Question", "Reply", "Finished", "Exchange"),
        *("Layout", "NativeLayout"),
    ),
    "Errors": (
        *("HarnessError", "ExperimentError", "JudgeError", "SelectionError"),
        *("NotStartedError", "RetryableError", "ThrottledError", "TransientError"),
        *("UnreachableError", "UnusableJudgeError", "UsageLimitError"),
    ),
}


def page() -> str:
    """Return the whole page."""
    parts = [HEAD]
    for title, names in GROUPS.items():
        parts.append(f"## {title}\n\n")
        parts += [entry(name, getattr(harness, name)) for name in names]
    parts.append("## Version\n\n`harness.__version__` is the version as text.\n")
    return "".join(parts)


def entry(name: str, value: Any) -> str:
    """Return the section of one public name."""
    lines = [f"### `{name}`", "", *signature(name, value), "", *prose(value), ""]
    members = [*fields(value), *methods(value)]
    if members:
        lines += ["| | |", "|---|---|", *members, ""]
    return "\n".join(lines) + "\n"


def signature(name: str, value: Any) -> list[str]:
    """Return how a function is called, or what a class is derived from, as a block of text."""
    if inspect.isfunction(value):
        called = inspect.signature(value)
        shown = [str(parameter) for parameter in called.parameters.values()]
        named = [
            parameter.kind is parameter.KEYWORD_ONLY for parameter in called.parameters.values()
        ]
        if True in named:
            shown.insert(named.index(True), "*")
        body = "".join(f"    {each},\n" for each in shown)
        text = f"{name}(\n{body}) -> {called.return_annotation}"
        return ["```text", re.sub(r"'([^']*)'", r"\1", text), "```"]
    kind = kind_of(value)
    return [f"*{kind[0].upper()}{kind[1:]}.*"]


def kind_of(value: Any) -> str:
    """Say what a class is."""
    bases = [base.__name__ for base in value.__bases__ if base.__module__.startswith("harness")]
    if bases:
        return f"a subclass of `{bases[0]}`"
    if issubclass(value, Exception):
        return "an exception"
    if issubclass(value, enum.StrEnum):
        return "a text with one of these values: " + ", ".join(f"`{each}`" for each in value)
    if dataclasses.is_dataclass(value):
        parameters: Any = vars(value)["__dataclass_params__"]
        return "a frozen dataclass" if parameters.frozen else "a dataclass"
    return "a protocol" if getattr(value, "_is_protocol", False) else "an abstract class"


def prose(value: Any) -> list[str]:
    """Return the docstring, its double back-quotes as Markdown has them."""
    return marked(inspect.getdoc(value) or "").split("\n")


def marked(text: str) -> str:
    """Return a docstring's text in Markdown."""
    return text.replace("``", "`")


def fields(value: Any) -> list[str]:
    """Return a row for each field of a dataclass."""
    if not (inspect.isclass(value) and dataclasses.is_dataclass(value)):
        return []
    return [
        f"| `{field.name}` | `{cell(str(field.type))}`{default(field)} |"
        for field in dataclasses.fields(value)
    ]


def default(field: dataclasses.Field[Any]) -> str:
    """Say what a field is that nobody gives."""
    if field.default is dataclasses.MISSING:
        return "" if field.default_factory is dataclasses.MISSING else ", empty by default"
    return f", `{cell(repr(field.default))}` by default"


def cell(text: str) -> str:
    """Return a text that may stand in a table."""
    return text.replace("|", "\\|")


def methods(value: Any) -> list[str]:
    """Return a row for each public property and method that a class itself defines."""
    if not inspect.isclass(value) or issubclass(value, enum.Enum | Exception):
        return []
    rows = []
    for name, member in vars(value).items():
        call = inspect.isfunction(member) or isinstance(member, classmethod)
        if not name.startswith("_") and (call or isinstance(member, property)):
            says = marked((inspect.getdoc(getattr(value, name)) or "").split("\n")[0])
            rows.append(f"| `{name}{'()' if call else ''}` | {cell(says)} |")
    return rows


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201 - the page is what it prints
