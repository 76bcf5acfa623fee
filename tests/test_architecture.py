"""What import contracts cannot say of the package: who writes, who parses, who knows names."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tokenize
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import harness
from benchmarks.structure import FUNCTION, MEDIAN, MODULE, structure

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(harness.__file__).parent
MODULES = {
    path.relative_to(PACKAGE).with_suffix("").as_posix(): path
    for path in sorted(PACKAGE.rglob("*.py"))
}

ALONE = {"judges/python_child", "supervisor"}
"""Programs of their own, which import nothing of the package."""


@cache
def tree(name: str) -> ast.Module:
    """Return the syntax tree of a module."""
    return ast.parse(MODULES[name].read_text(encoding="utf-8"))


def calls(name: str) -> Iterator[tuple[str, ast.Call]]:
    """Yield what a module calls, as it is written there."""
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def imports(name: str) -> Iterator[str]:
    """Yield the modules that a module imports, anywhere in it."""
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module


WRITES = {
    *("open", "os.open", "os.fdopen", "io.open"),
    *("os.rename", "os.replace", "os.link", "os.symlink", "os.unlink", "os.remove"),
    *("os.mkdir", "os.makedirs", "os.truncate", "os.write", "os.pwrite", "os.ftruncate"),
    *("shutil.copy", "shutil.copy2", "shutil.copyfile", "shutil.copytree", "shutil.move"),
}
METHODS = {"write_text", "write_bytes", "rename", "touch", "symlink_to", "hardlink_to", "unlink"}


def test_only_files_opens_a_file_for_writing() -> None:
    """No other module creates, writes, renames, or removes what lies in an experiment."""
    found = {
        f"{name}: {called}"
        for name in MODULES
        if name not in ALONE | {"files", "reading"}
        for called, node in calls(name)
        if called in WRITES
        or (isinstance(node.func, ast.Attribute) and node.func.attr in METHODS)
        or (isinstance(node.func, ast.Attribute) and node.func.attr == "open" and "path" in called)
    }
    assert found == set()


def test_reading_opens_nothing_for_writing() -> None:
    """The reading half of ``files`` opens files read-only, and never blocks."""
    opened = [node for called, node in calls("reading") if called in WRITES]
    assert [ast.unparse(node) for node in opened] == [
        "os.open(path, _READ)",
        "os.open(path, os.O_PATH | os.O_CLOEXEC)",
    ]
    flags = next(
        ast.unparse(node.value)
        for node in tree("reading").body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_READ"
    )
    assert flags == "os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY"


def test_only_four_modules_parse_what_others_wrote() -> None:
    """Each in one place: JSON of files, replies, and pytest's cache, and YAML."""
    parsers = {"json.load", "json.loads", "json.JSONDecoder", "msgspec.json.decode"}
    found = {
        (name, called)
        for name in MODULES
        for called, _ in calls(name)
        if called in parsers or called.startswith(("yaml.", "pickle.", "marshal."))
    }
    assert found == {
        ("json_text", "json.JSONDecoder"),
        ("json_text", "msgspec.json.decode"),
        ("memory", "msgspec.json.decode"),
        ("reply", "json.JSONDecoder"),
        ("yaml_text", "yaml.load"),
        ("yaml_text", "yaml.parse"),
    }
    assert {called for name in MODULES for called, _ in calls(name)} & {"eval", "exec"} == set()


def strings(name: str) -> set[str]:
    """Return the texts in a module that are no docstrings."""
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    documentation = {
        id(node.body[0].value)
        for node in ast.walk(tree(name))
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    return {
        node.value
        for node in ast.walk(tree(name))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in documentation
    }


OF_RUNS = {
    *("judgment.json", "result.json", "run_result.json", "judge_prompt.md", "run.yaml"),
    *("output.md", "output.txt", "task_prompt.md", "criteria.md", ".claim", "attempts"),
    *("completed", "in_progress", "agent", "logs"),
}
OF_EXPERIMENTS = {"experiment.yaml", "experiment.json", "config/experiment.json"}


def test_only_layouts_know_the_names_of_files() -> None:
    """Whoever needs a file asks the layout; the plugin knows what makes an experiment."""
    found = {
        (name, text)
        for name in MODULES
        if not name.startswith("layouts/")
        for text in strings(name)
        if text in OF_RUNS or (text in OF_EXPERIMENTS and not name.startswith("plugin/"))
    }
    assert found == set()


def test_the_programs_that_run_alone_import_nothing_of_the_package() -> None:
    """A judge's child process and the supervisor start fast and need no search path."""
    for name in sorted(ALONE):
        assert [module for module in imports(name) if module.startswith("harness")] == []


def test_randomness_and_the_environment_are_not_read_where_values_are_made() -> None:
    """Equal input gives equal output in the pure modules."""
    pure = ["config", "consensus", "criteria", "json_text", "model", "prompt", "record", "reply"]
    pure += ["agreement", "bounds", "calibration", "comparison", "sheet", "statistics/alpha"]
    pure += ["rubric", "rules", "scan", "scores", "text", "typed", "yaml_text"]
    banned = {"random", "secrets", "time", "uuid", "os", "socket", "subprocess", "logging"}
    found = {(name, module) for name in pure for module in imports(name) if module in banned}
    assert found == set()


def test_the_library_prints_and_logs_nothing() -> None:
    """Stages return values; only adapters speak."""
    found = {
        (name, called)
        for name in MODULES
        if not name.startswith("plugin/") and name not in ALONE
        for called, _ in calls(name)
        if called == "print" or called.startswith(("logging.", "warnings.warn"))
    }
    assert found == set()


def test_no_module_and_no_function_is_too_long() -> None:
    """Modules have at most 250 lines, functions 40, and half of the functions 10."""
    found = structure(PACKAGE, PACKAGE.parent)
    assert (MODULE, FUNCTION, MEDIAN) == (250, 40, 10)
    assert found.broken() == []


def test_a_module_or_function_that_is_too_long_is_found(tmp_path: Path) -> None:
    """All lines count: blank ones, comments, and the docstring of a function."""
    (tmp_path / "long.py").write_text("\n" * 251)
    (tmp_path / "body.py").write_text(
        "async def f():\n    pass\n" + "    # why\n" * 38 + "    x = 1\n"
    )
    assert structure(tmp_path, tmp_path).broken() == [
        "long.py: 251 lines, at most 250",
        "body.py:f: 41 lines, at most 40",
        "median function: 41 lines, at most 10",
    ]


def test_every_test_says_in_one_sentence_what_holds() -> None:
    """The docstrings of the tests are a specification that can be read from end to end."""
    spoken = {
        f"{path.name}: {node.name}": ast.get_docstring(node) or ""
        for path in sorted(Path(__file__).parent.glob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }
    sentence = re.compile(r"[^.!?]([^.!?]|[.!?](?!\s|$))*\.")
    assert [name for name, text in spoken.items() if not sentence.fullmatch(text)] == []


def test_every_exception_to_a_rule_has_its_reason() -> None:
    """A check is switched off for one code, on one line, and the line says why."""
    checks = ("noqa", "type: ignore", "pragma:")
    reasoned = re.compile(
        r"# (?:noqa: [A-Z]+\d+(?:, [A-Z]+\d+)* - \w|type: ignore\[[a-z, -]+\]\s+# \w"
        r"|pragma: no (?:cover|branch) - \w)"
    )
    found = [
        f"{path.name}: {comment.string}"
        for folder in (PACKAGE, Path(__file__).parent)
        for path in sorted(folder.rglob("*.py"))
        for comment in comments(path)
        if any(check in comment.string for check in checks) and not reasoned.search(comment.string)
    ]
    assert found == []


def comments(path: Path) -> list[tokenize.TokenInfo]:
    """Return the comments of a module."""
    with path.open("rb") as stream:
        tokens = list(tokenize.tokenize(stream.readline))
    return [token for token in tokens if token.type == tokenize.COMMENT]


HEAVY = {
    "yaml",
    "msgspec",
    "jinja2",
    "filelock",
    "httpx",
    "numpy",
    "matplotlib",
    "xdist",
    "execnet",
}


def loaded(code: str) -> set[str]:
    """Return the modules that a fresh interpreter has loaded after ``code``."""
    program = f"import sys, json\n{code}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(PACKAGE.parent), "PATH": ""},
        timeout=60,
    )
    return set(json.loads(done.stdout))


def test_a_session_without_experiments_pays_for_nothing() -> None:
    """Importing the plugin loads its own options, and nothing that pytest does not load."""
    more = loaded("import pytest, harness.plugin") - loaded("import pytest")
    assert {name for name in more if name.startswith("harness")} == {
        "harness",
        "harness.plugin",
        "harness.plugin.limits",
        "harness.plugin.looks",
        "harness.plugin.options",
        "harness.plugin.publish",
        "harness.plugin.quality",
        "harness.plugin.shard",
        "harness.plugin.verbs",
    }
    assert {name.partition(".")[0] for name in more} & (HEAVY | {"asyncio", "concurrent"}) == set()


def test_a_session_that_only_looks_pays_for_no_judging(tmp_path: Path) -> None:
    """What renders prompts and locks slots is loaded when a slot is judged."""
    (tmp_path / "experiment.yaml").write_text('judges: [{name: a, kind: command, argv: ["x"]}]\n')
    (tmp_path / "task.md").write_text("Answer.\n")
    (tmp_path / "rubric.yaml").write_text(
        "categories: {all: {weight: 1, items: [{id: A1, check: right, points: 1}]}}\n"
    )
    (tmp_path / "runs/a").mkdir(parents=True)
    options = ["-p", "harness.plugin", "-p", "no:cacheprovider", "--collect-only", str(tmp_path)]
    more = loaded(
        "import contextlib, io, os, pytest\n"
        "os.environ['PYTEST_DISABLE_PLUGIN_AUTOLOAD'] = '1'\n"
        "with contextlib.redirect_stdout(io.StringIO()):\n"
        f"    pytest.main({options!r})"
    )
    assert "harness.plugin.session" in more
    judging = {"jinja2", "filelock", "http", "httpx", "asyncio", "matplotlib", "numpy"}
    assert {name.partition(".")[0] for name in more} & judging == set()


def test_importing_the_package_loads_none_of_its_modules() -> None:
    """The public names are loaded when they are used."""
    assert {name for name in loaded("import harness") if name.startswith("harness")} == {"harness"}
