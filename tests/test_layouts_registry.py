"""Layouts of other packages: found by their entry point, and judged like the built-in ones."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

import harness
from harness import offered
from harness.errors import ExperimentError
from harness.layouts import open_experiment, registry
from tests.workshop import RUBRIC, answer, shell_judge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Install = Callable[[str, str], None]

CHATS = """\
import hashlib, json
from harness import NativeLayout, Run

class Chats(NativeLayout):
    name = "chats"

    def runs(self):
        for path in sorted(self.experiment.root.glob("chats/*/chat.json")):
            text = path.read_text()
            yield Run(
                name=f"chats/{path.parent.name}",
                path=path.parent,
                rubric=self.rubric(path.parent),
                inputs_sha256=hashlib.sha256(text.encode()).hexdigest(),
                blocked=None if json.loads(text)["answer"] else f"{path}: has no answer",
            )

    def prompt_parts(self, run):
        chat = json.loads((run.path / "chat.json").read_text())
        return {"task": chat["question"], "rubric": run.rubric.text, "output": chat["answer"]}

    def output(self, run):
        return run.path / "chat.json"
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install a package that offers layouts, for the length of a test."""
    place = tmp_path / "site"

    def installed(points: str, module: str) -> None:
        metadata = place / "chats-1.0.dist-info"
        metadata.mkdir(parents=True)
        (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: chats\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text(f"[harness.layouts]\n{points}\n")
        (place / "chat_layout.py").write_text(module)
        offered.points.cache_clear()

    monkeypatch.syspath_prepend(str(place))
    yield installed
    sys.modules.pop("chat_layout", None)
    offered.points.cache_clear()


def write_chats(root: Path, layout: str = "chats") -> Path:
    """Write an experiment whose runs are chats."""
    for name, said in (("a", "Good morning."), ("b", "")):
        (root / "chats" / name).mkdir(parents=True)
        chat = {"question": "Greet me.", "answer": said}
        (root / "chats" / name / "chat.json").write_text(json.dumps(chat))
    config = {"layout": layout, "judges": [shell_judge(answer())]}
    (root / "experiment.yaml").write_text(json.dumps(config))
    (root / "rubric.yaml").write_text(RUBRIC)
    return root


def refusal(root: Path) -> str:
    """Return why an experiment cannot be opened."""
    with pytest.raises(ExperimentError) as caught:
        open_experiment(root)
    return str(caught.value)


def test_a_layout_of_another_package_is_judged_like_any_other(
    tmp_path: Path, install: Install
) -> None:
    """An entry point in the group harness.layouts is all that a new layout needs."""
    install("chats = chat_layout:Chats", CHATS)
    root = write_chats(tmp_path / "e")
    done = harness.judge_experiment(root)
    assert (done.selected, done.judged, done.failures) == (("chats/a/judge_01",), 1, {})
    assert done.slots == {"missing": 1, "blocked": 1}
    prompt = (root / "chats" / "a" / "judge_prompt.md").read_text()
    assert ("Greet me." in prompt, "Good morning." in prompt) == (True, True)
    result = json.loads((root / "chats" / "a" / "judge" / "result.json").read_text())
    assert (result["score"], result["judged"], result["judges"]) == (0.75, 1, 1)
    assert harness.judge_experiment(root).slots == {"complete": 1, "blocked": 1}


def test_a_changed_run_of_another_layout_is_stale(tmp_path: Path, install: Install) -> None:
    """What its layout hashes as the inputs of a run decides whether a judgment is of now."""
    install("chats = chat_layout:Chats", CHATS)
    root = write_chats(tmp_path / "e")
    harness.judge_experiment(root)
    chat = root / "chats" / "a" / "chat.json"
    chat.write_text(chat.read_text().replace("morning", "evening"))
    assert harness.judge_experiment(root).slots == {"stale": 1, "blocked": 1}


def test_an_unknown_layout_is_refused_with_those_there_are(
    tmp_path: Path, install: Install
) -> None:
    """A misspelt layout names the built-in ones and those that are installed."""
    install("chats = chat_layout:Chats", CHATS)
    root = write_chats(tmp_path / "e", layout="chat")
    assert refusal(root) == (
        f"{root}/experiment.yaml: layout: unknown value 'chat'; use one of: native, scylla, chats"
    )


@pytest.mark.parametrize(
    ("points", "why"),
    [
        (
            "chats = chat_layout:Gone",
            (
                "'chats' of harness.layouts cannot be loaded from chat_layout:Gone "
                "(module 'chat_layout' has no attribute 'Gone')"
            ),
        ),
        (
            "chats = no_such_module:Chats",
            (
                "'chats' of harness.layouts cannot be loaded from no_such_module:Chats "
                "(No module named 'no_such_module')"
            ),
        ),
        ("chats = chat_layout:json", "'chats' of harness.layouts is no subclass of harness.Layout"),
    ],
)
def test_a_package_whose_layout_does_not_load_is_named(
    tmp_path: Path, install: Install, points: str, why: str
) -> None:
    """The message has the file that asks for the layout and the package's own mistake."""
    install(points, CHATS)
    root = write_chats(tmp_path / "e")
    assert refusal(root) == (
        f"{root}/experiment.yaml: layout: {why}; mend the package that offers it"
    )


def test_a_built_in_layout_cannot_be_replaced(tmp_path: Path, install: Install) -> None:
    """A package that offers a layout by the name of a built-in one is passed over."""
    install("native = chat_layout:Chats", CHATS)
    root = write_chats(tmp_path / "e", layout="native")
    assert type(open_experiment(root)) is harness.NativeLayout
    assert registry.names() == ["native", "scylla"]


def test_a_broken_configuration_is_for_its_layout_to_refuse(
    tmp_path: Path, install: Install
) -> None:
    """What is no YAML, or no mapping, gets the message that it gets without other layouts."""
    install("chats = chat_layout:Chats", CHATS)
    root = write_chats(tmp_path / "e")
    file = root / "experiment.yaml"
    file.write_text("[layout]")
    assert refusal(root) == f"{file}: must be a mapping of keys, found a list; correct it"
    file.write_text("layout: [")
    assert refusal(root).startswith(f"{file}: ")
    file.write_text("{layout: 3, judges: []}")
    assert refusal(root) == f"{file}: layout: expected text, found a whole number; correct it"
