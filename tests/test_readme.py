"""README and docs: every example in them is run, and what they print is what they show.

A page is run from top to bottom in a directory of its own that holds the shipped experiment,
not judged yet. A code block whose first line is a comment with a path is written to that path.
A ``console`` block is run line by line and its output compared, a ``python`` block is run, a
``yaml``, ``toml``, or ``json`` block must parse. ``sh`` is for the commands that set up a fresh
machine, which ``.ci/run`` runs, and ``text`` for illustrations.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.yaml_text import parse_yaml

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
LINKING = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARKER = re.compile(r"^(?:# |<!-- )([\w./-]+\.\w+)(?: -->)?\n")
PARSERS: dict[str, Callable[[str], Any]] = {
    "yaml": parse_yaml,
    "toml": tomllib.loads,
    "json": json.loads,
}
LANGUAGES = {*PARSERS, "console", "markdown", "python", "sh", "text"}

HEADER = re.compile(r"^(platform |rootdir: |configfile: |plugins: |cachedir: ).*\n", re.MULTILINE)
PROGRESS = re.compile(r"^\[n/m\] .*\n", re.MULTILINE)
CHANGING = (
    (HEADER, ""),
    (re.compile(r"^=+ (.*?) =+$", re.MULTILINE), r"= \1 ="),
    (re.compile(r"\b\d+\.\d+s\b"), "0.00s"),
    (re.compile(r"^\[\d+/\d+\] (.+?) \(.*? elapsed\)(, ETA \d+s)?", re.MULTILINE), r"[n/m] \1"),
    (re.compile(r" +$", re.MULTILINE), ""),
    (re.compile(r"\bpytest\.main\(\)"), "pytest"),  # what pytest calls itself when not installed
)


@dataclass
class Block:
    """A fenced block; ``path`` is where a file goes, ``line`` where the block starts."""

    language: str
    text: str
    line: int
    path: str | None = None


def blocks(page: Path) -> list[Block]:
    """Return the code blocks of a page."""
    source = page.read_text(encoding="utf-8")
    found = []
    for match in FENCE.finditer(source):
        language, text = match.groups()
        marker = MARKER.match(text)
        path = marker[1] if marker else None
        line = source.count("\n", 0, match.start()) + 1
        found.append(Block(language, text[marker.end() :] if marker else text, line, path))
    return found


@dataclass
class Terminal:
    """Runs the commands of a page as a user would, in ``directory``."""

    directory: Path
    status: int = 0
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        programs, site = self.directory.parent / "bin", self.directory.parent / "site"
        programs.mkdir()
        site.mkdir()
        (programs / "pytest").write_text(
            f"#!{sys.executable} -P\nimport sys, pytest\nsys.exit(pytest.main())\n"
        )
        (programs / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
        shutil.copy(programs / "python", programs / "python3")
        for program in programs.iterdir():
            program.chmod(0o755)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "HARNESS"))}
        self.environment = kept | {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "PYTHONPATH": f"{site}:{ROOT}",
            # The checkout need not be installed; what else is would cost every session time.
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTEST_PLUGINS": "xdist.plugin,harness.plugin",
            "COLUMNS": "80",
            "PYTHONUNBUFFERED": "1",  # both streams in their order, as on a terminal
        }

    def run(self, command: str) -> str:
        """Return what a command prints."""
        if command == "echo $?":
            return f"{self.status}\n"
        if command.startswith("pip install ./"):
            return self.install(self.directory / command.removeprefix("pip install ./"))
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=self.directory,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.status = done.returncode
        return done.stdout

    def install(self, project: Path) -> str:
        """Do what pip does with a project of plain modules, without a network."""
        keys = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        site = self.directory.parent / "site"
        info = site / f"{keys['name'].replace('-', '_')}-{keys['version']}.dist-info"
        info.mkdir()
        lines = []
        for group, points in keys["entry-points"].items():
            lines += [f"[{group}]", *(f"{name} = {target}" for name, target in points.items())]
        (info / "entry_points.txt").write_text("\n".join(lines))
        (info / "METADATA").write_text(f"Name: {keys['name']}\nVersion: {keys['version']}\n")
        for module in project.glob("*.py"):
            shutil.copy(module, site)
        return ""


def commands(text: str) -> list[tuple[str, str]]:
    """Split a console block into commands and the output shown for each."""
    parts = re.split(r"^\$ (.*)\n", text, flags=re.MULTILINE)
    assert not parts[0], f"a console block starts with a command, not with {parts[0]!r}"
    return list(zip(parts[1::2], parts[2::2], strict=True))


def normal(text: str) -> str:
    """Return output without what changes from run to run: times, places, widths, counters."""
    for pattern, replacement in CHANGING:
        text = pattern.sub(replacement, text)
    return text.strip("\n")


def shows(shown: str, printed: str) -> bool:
    """Tell whether ``printed`` is what the page shows.

    A line ``...`` stands for any lines. Slots are done in any order, so the lines of
    progress are compared as a set, and the page need not show them all.
    """
    shown_progress, shown = take_out_progress(normal(shown))
    progress, printed = take_out_progress(normal(printed))
    pattern = "".join(
        r"(?:.*\n)*?" if line == "..." else re.escape(f"{line}\n") for line in shown.split("\n")
    )
    return shown_progress <= progress and re.fullmatch(pattern, f"{printed}\n") is not None


def take_out_progress(text: str) -> tuple[set[str], str]:
    """Return the lines of progress, and the text without them."""
    return set(PROGRESS.findall(text)), PROGRESS.sub("", text)


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    """Return a terminal in a directory with the shipped experiment, not judged yet."""
    directory = tmp_path / "you"
    left_behind = shutil.ignore_patterns("judge", "judge_prompt.md", "__pycache__")
    shutil.copytree(ROOT / "experiments", directory / "experiments", ignore=left_behind)
    (directory / "pytest.ini").write_text("[pytest]\n")
    return Terminal(directory)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_shows_what_happens(page: Path, terminal: Terminal) -> None:
    """Every example of the page runs and prints what the page says, from top to bottom."""
    for block in blocks(page):
        where = f"{page.name}:{block.line}"
        assert block.language in LANGUAGES, where
        if block.path is not None:
            path = terminal.directory / block.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
        if block.language in PARSERS:
            PARSERS[block.language](block.text)
        elif block.language == "python" and block.path is None:
            (terminal.directory / "example.py").write_text(block.text, encoding="utf-8")
            printed = terminal.run("python example.py")
            assert terminal.status == 0, f"{where}\n{printed}"
        elif block.language == "console":
            for command, shown in commands(block.text):
                printed = terminal.run(command)
                assert shows(shown, printed), f"{where}: $ {command}\n{printed}"


def test_no_example_is_overlooked() -> None:
    """Every fence of every page, at whatever depth, belongs to a block that is run or parsed."""
    for page in PAGES:
        source = page.read_text(encoding="utf-8")
        fences = re.findall(r"^[ >\t]*(?:```|~~~)", source, re.MULTILINE)
        assert len(fences) == 2 * len(blocks(page)), page.name
        outside = FENCE.sub("", source)
        assert re.findall(r"^ {4,}\$ |^<pre", outside, re.MULTILINE) == [], page.name


def test_the_pages_link_to_what_is_there() -> None:
    """Every relative link leads to a file and, where it names one, to a heading of it."""
    broken = []
    for page in LINKING:
        for target in re.findall(r"\]\((?!https?:)([^)]+)\)", page.read_text(encoding="utf-8")):
            name, _, heading = target.partition("#")
            path = (page.parent / name) if name else page
            if not path.exists() or (heading and heading not in headings(path)):
                broken.append(f"{page.name}: {target}")
    assert broken == []


def test_the_site_has_every_page() -> None:
    """The navigation of the documentation lists each page once; ``.ci/run`` builds it strictly."""
    site = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    listed = re.findall(r"^ +- [^:]+: ([\w-]+\.md)$", site, re.MULTILINE)
    assert sorted(listed) == sorted(page.name for page in PAGES if page.parent.name == "docs")


def test_every_decision_is_in_the_overview_and_on_the_site() -> None:
    """The records are numbered without a gap, and each is listed once in both places."""
    folder = ROOT / "docs" / "decisions"
    records = sorted(path.name for path in folder.glob("0*.md"))
    assert [int(name[:4]) for name in records] == list(range(1, len(records) + 1))
    overview = re.findall(r"\((0[\w-]+\.md)\)", (folder / "README.md").read_text(encoding="utf-8"))
    site = re.findall(
        r"decisions/(0[\w-]+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert overview == site == records


def headings(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_ci_runs_the_commands_of_the_readme_word_for_word() -> None:
    """The commands that set up a fresh machine are those that .ci/run runs."""
    shown = [b.text.strip() for b in blocks(ROOT / "README.md") if b.language == "sh"]
    run = [line.strip() for line in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()]
    assert len(shown) == len({"judge", "test"})
    assert [command for command in shown if command not in run] == []


def test_what_the_readme_says_to_run_next_is_found() -> None:
    """Its commands activate the environment they make: sessions print commands to run in it."""
    shown = [b.text for b in blocks(ROOT / "README.md") if b.language == "sh"]
    begin = "python3 -m venv .venv && . .venv/bin/activate && pip install -q -e "
    assert [command for command in shown if not command.startswith(begin)] == []


def test_the_readme_is_short() -> None:
    """The first page can be read in a few minutes."""
    lines = (ROOT / "README.md").read_text(encoding="utf-8").count("\n")
    assert lines <= 120
