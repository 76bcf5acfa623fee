"""The public interface: what is in it, that it is documented and typed, and who uses it."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import harness
from tests import api_page

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
NAMES = sorted({*harness.__all__} - {"__version__"})


def test_the_page_about_the_api_is_made_from_the_code() -> None:
    """docs/api.md is what `python -m tests.api_page > docs/api.md` writes."""
    written = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    assert written == api_page.page(), "python -m tests.api_page > docs/api.md"


def test_the_page_about_the_api_has_every_public_name() -> None:
    """Nothing public is left out, and nothing else is promised."""
    assert sorted(name for names in api_page.GROUPS.values() for name in names) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_says_what_it_is(name: str) -> None:
    """Each public name, and each public method of a class, has a docstring of its own."""
    value = getattr(harness, name)
    assert value.__doc__
    assert not value.__doc__.startswith(f"{name}(")  # what a dataclass writes by itself
    for method, member in inspect.getmembers(value, inspect.isfunction):
        if not method.startswith("_") and member.__module__.startswith("harness"):
            assert inspect.getdoc(getattr(value, method)), method


def test_a_public_class_is_a_concept() -> None:
    """docs/concepts.md has an entry for each public class, the base values, and the outcomes."""
    text = (ROOT / "docs" / "concepts.md").read_text(encoding="utf-8")
    entries = re.findall(r"^### (\w+)$", text, re.MULTILINE)
    public = {name for name in NAMES if inspect.isclass(getattr(harness, name))}
    assert len(entries) == len(set(entries))
    assert public - set(entries) == set()
    marked = re.findall(r"^### (\w+)\n\n\*Public\.\*", text, re.MULTILINE)
    assert set(marked) == public
    for module in ("model", "consensus", "criteria"):
        assert classes(ROOT / "harness" / f"{module}.py") - set(entries) == set()
    assert set(entries) - {name for path in modules("") for name in classes(path)} == set()


def modules(package: str) -> Iterator[Path]:
    """Yield the modules below a part of the package."""
    yield from (ROOT / "harness" / package).rglob("*.py")


def classes(path: Path) -> set[str]:
    """Return the names of the public classes that a module defines."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return {node.name for node in body if isinstance(node, ast.ClassDef) and node.name[0] != "_"}


def imported(paths: Iterator[Path]) -> set[str]:
    """Return the names that modules import from the package, or from inside it."""
    return {
        alias.name
        for path in paths
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("harness")
        for alias in node.names
    }


FOR_OTHERS = {
    *(
        "Comparison",
        "Consensus",
        "Figure",
        "JudgeError",
        "Judgment",
        "NativeLayout",
        "Question",
        "Reply",
    ),
    *("Exchange", "Finished", "NotStartedError", "RetryableError", "ThrottledError"),
    *("TransientError", "UnreachableError", "UnusableJudgeError", "UsageLimitError"),
    *("Rubric", "Rule", "Run", "judge_experiment", "measure_agreement", "compare_experiments"),
}
"""Public names that no adapter needs by name: they get the values from the stages."""


def test_both_adapters_use_what_is_public() -> None:
    """What pytest and the command line need to name is public, and both name the same values."""
    plugin = imported(modules("plugin"))
    commands = imported(iter([*modules("commands"), ROOT / "harness" / "__main__.py"]))
    assert {*NAMES} - plugin - commands <= FOR_OTHERS
    assert {"Experiment", "Slot", "SlotStatus", "HarnessError"} <= plugin & commands & {*NAMES}
