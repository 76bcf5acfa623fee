"""A whole session with keys in its environment and judges that print them: none comes out."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import harness
from harness.redact import Redactor
from tests.workshop import script, write_experiment

if TYPE_CHECKING:
    from collections.abc import Iterator

IN_ENVIRONMENT = {
    "ANTHROPIC_API_KEY": "plain-value-of-a-key-0001",
    "OPENAI_API_KEY": "sk-proj-0002-abcdefghijkl",
    "MY_TOKEN": 'with "quotes" and a \\ 0003',
    "CLIENT_SECRET": "/looks/like+base64==0004",
    "DB_PASSWORD": "p\u00e4ssw\u00f6rd-of-a-base-0005",
    "LONG_API_KEY": "plain-value-of-a-key-0001-and-more-0006",
    "KEY_ID": "a value with spaces 0007",
    "X_TOKEN_Y": "line one 0008\nline two 0008",
}

# Never in one piece in a file of the project: what prints them puts them together.
PRINTED = (
    ("sk-ant-", "api03-abcdefgh0009"),
    ("ghp", "_0010abcdefABCDEF0123"),
    ("AKIA", "0011EXAMPLE7"),
    ("Bear", "er eyJhbGciOiJIUzI1NiJ9.0012"),
)

PLANTED = (*IN_ENVIRONMENT.values(), *("".join(parts) for parts in PRINTED))

BY_THE_HOOK = " | ".join(
    [*(IN_ENVIRONMENT[name] for name in sorted(IN_ENVIRONMENT)), *PLANTED[len(IN_ENVIRONMENT) :]]
)

LEAKY = f"""\
import json, logging, os, sys, time, warnings
NAMES = {sorted(IN_ENVIRONMENT)!r}
KEYS = [os.environ[n] for n in NAMES if n in os.environ] + ["".join(p) for p in {PRINTED!r}]
TEXT = " | ".join(KEYS)
VERDICT = {{"score": 0.5, "passed": True, "reasoning": TEXT, "criteria_scores": {{"k": KEYS}}}}
"""

PROGRAM = f"""\
#!/usr/bin/env python3
{LEAKY}
time.sleep(0.2)
print(TEXT, file=sys.stderr)
print(TEXT)
print(repr(KEYS))
print(json.dumps(VERDICT, ensure_ascii=False))
print(json.dumps(VERDICT))
sys.exit(int(sys.argv[1]))
"""

CLAUDE = f"""\
#!/usr/bin/env python3
{LEAKY}
print(TEXT, file=sys.stderr)
sys.stdin.read()
print(json.dumps({{"type": "result", "is_error": True, "api_error_status": 400, "result": TEXT}}))
"""

CONFTEST = f"""\
{LEAKY}
class LeakyJudge:
    def ask(self, question):
        print(TEXT)
        print(TEXT, file=sys.stderr)
        logging.getLogger("judge").warning("used %s", TEXT)
        warnings.warn(TEXT)
        if question.slot.run.name.endswith("b"):
            local = TEXT
            raise RuntimeError(f"no answer with {{local}}") from KeyError(TEXT)
        return json.dumps(VERDICT)

def pytest_harness_judge(slot, judge):
    if slot.judge.kind == "replay":
        return LeakyJudge()
"""


@pytest.fixture
def leaky(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project whose judges print every key that they can see."""
    assert len(PLANTED) == 12
    programs = tmp_path / "programs"
    programs.mkdir()
    script(programs / "leaky", PROGRAM)
    script(programs / "claude", CLAUDE)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setenv("PYTHONPATH", str(Path(harness.__file__).parents[1]))
    for name, value in IN_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    names = sorted(IN_ENVIRONMENT)
    root = tmp_path / "project" / "exp"
    panel: list[dict[str, Any]] = [
        {"name": "good", "kind": "command", "argv": ["leaky", "0"], "env": names},
        {"name": "bad", "kind": "command", "argv": ["leaky", "3"], "env": names},
        {"name": "cli", "kind": "claude", "env": names},
        {"name": "function", "kind": "python", "call": "leaking:judge", "env": names},
        {"name": "hook", "kind": "replay", "reply": "none"},
    ]
    write_experiment(root, runs=("a", "b"), judges=panel)
    (root / "conftest.py").write_text(CONFTEST)
    body = "def judge(prompt, paths):\n    print(TEXT)\n    raise ValueError(TEXT)\n"
    (root / "leaking.py").write_text(LEAKY + body)
    return tmp_path / "project"


@contextlib.contextmanager
def command_lines() -> Iterator[set[bytes]]:
    """Collect the command lines of all processes while the block runs."""
    found: set[bytes] = set()
    done = threading.Event()

    def look() -> None:
        while not done.wait(0.02):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                with contextlib.suppress(OSError):
                    found.add(path.read_bytes())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield found
    finally:
        done.set()
        thread.join()


def everything_else(project: Path) -> str:
    """Let every command that writes or prints something do so; return what is printed."""
    shown = []
    for arguments in (
        ("status", "exp"),
        ("show", "exp/experiment.yaml::runs/a/judge_01"),
        ("show", "exp/experiment.yaml::runs/b/judge_02"),
        ("show", "exp/experiment.yaml::runs/b"),
        ("check", "exp"),
        ("report", "exp", "-o", "other.html"),
        ("agreement", "exp"),
        ("export", "exp", "--to", "csv", "-o", "tables"),
        ("export", "exp", "--to", "jsonl", "-o", "tables"),
        ("junit", "exp", "-o", "slots.xml"),
        ("baseline", "exp", "-o", "baseline.json"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "harness", *arguments],
            cwd=project,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (arguments, done.stderr)
        shown += [done.stdout, done.stderr]
    return "\n".join(shown)


def hits(content: bytes) -> list[str]:
    """Return the planted keys of which any line's beginning stands there, however written."""
    text = content.decode("utf-8", "replace")
    return [
        key
        for key in PLANTED
        for line in key.splitlines()
        if any(form[:12] in text for form in (line, json.dumps(line)[1:-1], repr(line)[1:-1]))
    ]


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks at command lines in /proc")
@pytest.mark.parametrize(
    "options",
    [
        pytest.param(("--parallel", "4", "-rA"), id="in threads"),
        pytest.param(
            ("-s", "-vv", "--showlocals", "--tb=long"), id="one by one", marks=pytest.mark.slow
        ),
        pytest.param(
            ("-n", "2", "--log-cli-level=INFO"), id="in processes", marks=pytest.mark.slow
        ),
    ],
)
def test_no_planted_key_comes_out_of_a_session(
    leaky: Path,
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
) -> None:
    """Not in a file, on the terminal, in the report for other programs, or in a command line."""
    monkeypatch.chdir(leaky)
    reports = ["--junitxml=report.xml", "-o", "junit_logging=all", "--log-file=log.txt"]
    reports += ["--judge-report=page.html", "--judge-markdown=page.md", "-l", "--tb=long"]
    with command_lines() as seen:
        done = pytester.runpytest_subprocess(
            *("-p", "harness.plugin", "-p", "no:hypothesispytest", "--rootdir", str(leaky)),
            *(*reports, *options, str(leaky / "exp")),
            timeout=120,
        )
    assert done.ret == 1
    done.assert_outcomes(passed=3, failed=7)
    printed = "\n".join([*done.outlines, *done.errlines])
    assert printed.count("[redacted]") > 12
    if "-s" in options:  # then what code in pytest's own process prints is not looked at
        printed = printed.replace(BY_THE_HOOK, "")
    assert hits(printed.encode()) == []
    printed = everything_else(leaky)
    assert printed.count("[redacted]") > 12
    assert hits(printed.encode()) == []
    files = [path for path in leaky.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert {path.name for path in files} >= {
        *("report.xml", "log.txt", "judgment.json", "stderr", "result.json", "page.html"),
        *("page.md", "other.html", "slots.xml", "baseline.json", "judgments.csv"),
    }
    found = {str(path.relative_to(leaky)): hits(path.read_bytes()) for path in files}
    assert {name: keys for name, keys in found.items() if keys} == {}
    assert any(b"leaky" in line for line in seen)
    assert {line for line in seen if hits(line)} == set()


def test_every_planted_key_is_one_that_is_known() -> None:
    """Or the test above would show nothing."""
    redactor = Redactor(IN_ENVIRONMENT)
    assert [redactor(key) for key in PLANTED] == ["[redacted]"] * 12
    assert all(hits(key.encode()) for key in PLANTED)
