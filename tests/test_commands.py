"""The commands that show, check, begin, import, and draw: what they print and what they write."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness import judge_experiment
from harness.__main__ import main
from tests.pages import PAYLOADS, judged, parsed

if TYPE_CHECKING:
    from collections.abc import Callable


COUNTS = "python -m harness status exp counts those that are there"

TWICE = '{"id": "a", "task": "t", "output": "o"}\n' * 3


@pytest.fixture
def call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, list[str], list[str]]]:
    """Return a function that calls the program here and returns status, stdout, and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["judge-panel"])

    def called(*arguments: str) -> tuple[int, list[str], list[str]]:
        capsys.readouterr()
        status = main(arguments)
        printed = capsys.readouterr()
        return status, printed.out.splitlines(), printed.err.splitlines()

    return called


def test_what_new_writes_judges_itself_offline(call: Any, tmp_path: Path) -> None:
    """The experiment is ready, all its slots are judged, and its two runs differ."""
    assert call("new", "exp")[0] == 0
    assert call("check", "exp") == (0, ["exp: ready to be judged"], [])
    made = judge_experiment(tmp_path / "exp", parallel=2)
    assert (made.judged, made.failures) == (4, {})
    verdicts = {run: found.passed for run, found in made.consensus.items()}
    assert verdicts == {"runs/one": True, "runs/two": False}


def test_new_leaves_what_is_there_alone(call: Any, tmp_path: Path) -> None:
    """A directory that holds anything is an error."""
    (tmp_path / "exp").mkdir()
    (tmp_path / "exp" / "mine").write_text("x")
    assert call("new", "exp") == (
        2,
        [],
        ["judge-panel: error: exp: is there already; choose another name"],
    )
    assert [path.name for path in (tmp_path / "exp").iterdir()] == ["mine"]


def test_check_names_everything_that_is_wrong(
    call: Any, tmp_path: Path, make_experiment: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Programs and variables that are missing, and runs that cannot be judged."""
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    panel = [
        {"name": "gone", "kind": "command", "argv": ["no-such-judge"]},
        {"name": "keyless", "kind": "command", "argv": ["sh"], "env": ["NO_SUCH_KEY"]},
        {"name": "fine", "kind": "command", "argv": ["sh"]},
    ]
    make_experiment(tmp_path / "exp", runs={"a": "Done.\n", "b": None}, judges=panel)
    assert call("check", "exp") == (
        1,
        [
            "exp: 3 problems",
            "  judge 01 gone: there is no program 'no-such-judge'; install it or correct argv",
            "  judge 02 keyless: the environment has no NO_SUCH_KEY",
            "  runs/b: exp/runs/b: no output.md or output.txt with text in it",
        ],
        [],
    )


def test_check_explains_an_experiment_that_cannot_be_read(call: Any, tmp_path: Path) -> None:
    """The message is the one that pytest would give."""
    (tmp_path / "exp").mkdir()
    (tmp_path / "exp" / "experiment.yaml").write_text("judgs: []\n")
    status, lines, _ = call("check", "exp")
    assert status == 1
    assert lines[0] == "exp: 1 problem"
    assert lines[1].startswith("  exp/experiment.yaml: unknown key 'judgs'")


def test_check_of_nothing_is_a_mistake(call: Any, tmp_path: Path) -> None:
    """A wrong path must not look like an experiment without a problem."""
    (tmp_path / "empty/.hidden").mkdir(parents=True)
    assert call("check", "empty") == (
        2,
        [],
        ["judge-panel: error: empty: there is no experiment here or below"],
    )


def test_check_lists_problems_in_bounds(
    call: Any, tmp_path: Path, make_experiment: Callable[..., Path]
) -> None:
    """Twenty of them say what is wrong as well as hundreds."""
    make_experiment(tmp_path / "exp", runs={f"r{n:02d}": None for n in range(25)}, judges=1)
    status, out, err = call("check", "exp")
    assert (status, err, out[0], len(out)) == (1, [], "exp: 25 problems", 22)
    assert out[1] == "  runs/r00: exp/runs/r00: no output.md or output.txt with text in it"
    assert out[-1] == "  ... and 5 more"


def test_check_names_a_prompt_that_cannot_be_made(
    call: Any, tmp_path: Path, make_experiment: Callable[..., Path]
) -> None:
    """Each run says why its judges could not be asked."""
    make_experiment(tmp_path / "exp", runs=["a"], judges=1, prompt="judge.md.j2")
    template = tmp_path / "exp/judge.md.j2"
    template.write_text("{{ nothing }}")
    status, out, err = call("check", "exp")
    assert (status, err, out[0]) == (1, [], "exp: 1 problem")
    assert out[1] == "  runs/a: exp/judge.md.j2: 'nothing' is undefined; correct the template"


def test_check_runs_no_code_of_a_template(
    call: Any, tmp_path: Path, make_experiment: Callable[..., Path]
) -> None:
    """An experiment of somebody else is looked at, and its template is refused."""
    make_experiment(tmp_path / "exp", runs=["a"], judges=1, prompt="judge.md.j2")
    template, touched = tmp_path / "exp/judge.md.j2", tmp_path / "touched"
    template.write_text(f"{{{{ cycler.__init__.__globals__.os.system('touch {touched}') }}}}")
    assert call("check", "exp") == (
        1,
        [
            "exp: 1 problem",
            (
                "  runs/a: exp/judge.md.j2: access to attribute '__init__' of 'type' object is "
                "unsafe: a template puts texts together and runs no code; correct the template"
            ),
        ],
        [],
    )
    assert not touched.exists()


def test_in_github_actions_nothing_printed_is_a_command(
    call: Any,
    tmp_path: Path,
    make_experiment: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What an agent wrote is shown, and does nothing."""
    make_experiment(tmp_path / "exp", runs={"a": "::set-env name=x::y\n"}, judges=1)
    shown = call("show", "exp/runs/a")[1]
    assert [text for text in shown if "set-env" in text] == ["::set-env name=x::y"]
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    shown = call("show", "exp/runs/a")[1]
    assert [text for text in shown if "set-env" in text] == ["\\::set-env name=x::y"]


def test_check_writes_nothing(
    call: Any, tmp_path: Path, make_experiment: Callable[..., Path]
) -> None:
    """Not even the prompts that it tries to render."""
    make_experiment(tmp_path / "exp")
    before = sorted(tmp_path.rglob("*"))
    assert call("check", "exp")[0] == 0
    assert sorted(tmp_path.rglob("*")) == before


def test_show_prints_all_that_is_known_of_a_slot(
    call: Any, tmp_path: Path, make_experiment: Callable[..., Path]
) -> None:
    """Judgment and criteria, prompt, attempts, and the reply as it came."""
    root = make_experiment(tmp_path / "exp", runs=["a"])
    points = {"X1": {"achieved": 1, "max": 2, "reason": "half"}}
    points |= {"X2": {"achieved": "N/A", "max": 1, "reason": "cannot tell"}}
    judged(root, "a", 1, 0.5, criteria_scores={"all": {"items": points}})
    (root / "runs" / "a" / "judge_prompt.md").write_text("Grade it.\n")
    attempt = root / "runs" / "a" / "judge" / "judge_01" / "attempts" / "20260101T000000Z-x"
    attempt.mkdir(parents=True)
    (attempt / "intent.json").write_text('{"started": "2026-01-01T00:00:00+00:00"}')
    (attempt / "stdout").write_text("my verdict\x1b[31m")
    end = {"outcome": "judged", "ended": "2026-01-01T00:00:02+00:00", "cost_usd": 0.25}
    (attempt / "exit.json").write_text(json.dumps(end))
    expected = [
        "runs/a/judge_01 in exp",
        "01 judge-a: complete, score 0.500, passed, grade C",
        "  because",
        "  category  criterion  points    of  reason",
        "  all       X1           1.00  2.00  half",
        "  all       X2            N/A  1.00  cannot tell",
        "",
        "--- prompt ---",
        "Grade it.",
        "",
        "",
        "attempt: judged in 2.0 s, 0.2500 USD",
        "",
        "--- reply ---",
        "my verdict\\x1b[31m",
        "",
    ]
    assert call("show", "exp/experiment.yaml::runs/a/judge_01") == (0, expected, [])
    assert call("show", "exp/runs/a/judge/judge_01") == (0, expected, [])


def test_show_prints_every_judgment_of_a_run(
    call: Any, tmp_path: Path, make_experiment: Callable[..., Path]
) -> None:
    """Those that are missing too, then what the agent answered."""
    root = make_experiment(tmp_path / "exp", runs=["a"])
    judged(root, "a", 2, 0.25)
    assert call("show", "exp/experiment.yaml::runs/a")[1] == [
        "runs/a in exp",
        "  task ., group exp",
        "",
        "01 judge-a: missing",
        "  never tried",
        "",
        "02 judge-b: complete, score 0.250, not passed, grade D",
        "  because",
        "",
        "--- output ---",
        "It is done.",
        "",
        "",
    ]


def test_show_names_paths_as_they_can_be_typed(
    call: Any, tmp_path: Path, make_experiment: Callable[..., Path]
) -> None:
    """As pytest does: what is wrong with a run, and with a slot."""
    root = make_experiment(tmp_path / "exp", runs={"a": None, "b": "Done.\n"}, judges=1)
    blocked = "  exp/runs/a: no output.md or output.txt with text in it"
    assert call("show", "exp/experiment.yaml::runs/a")[1][2] == blocked
    path = root / "runs/b/judge/judge_01/judgment.json"
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    assert call("show", "exp/experiment.yaml::runs/b/judge_01")[1][2] == (
        "  exp/runs/b/judge/judge_01/judgment.json: not a judgment (score is missing)"
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            "exp/experiment.yaml::runs/z",
            f"exp/experiment.yaml::runs/z: there is no such run or slot; {COUNTS}",
        ),
        ("none", "none: there is no experiment; give a node id as pytest prints it"),
    ],
)
def test_show_explains_what_is_not_there(
    given: str, message: str, call: Any, tmp_path: Path, make_experiment: Callable[..., Path]
) -> None:
    """One line, exit status 2."""
    make_experiment(tmp_path / "exp")
    assert call("show", given) == (2, [], [f"judge-panel: error: {message}"])


def test_an_id_that_pytest_printed_can_be_pasted_anywhere_below(
    call: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_experiment: Callable[..., Path]
) -> None:
    """From inside another experiment, too; a path that is there from here comes first."""
    for name in ("one", "two"):
        judged(make_experiment(tmp_path / "all" / name), "a", 1, 0.5)
    for place in ("all", "all/one", "all/one/runs/a", "all/two/runs"):
        monkeypatch.chdir(tmp_path / place)
        status, lines, _ = call("show", "all/two/experiment.yaml::runs/a/judge_01")
        assert (status, lines[0].partition(" in ")[0]) == (0, "runs/a/judge_01")
        assert (Path.cwd() / lines[0].partition(" in ")[2]).resolve() == tmp_path / "all" / "two"


@pytest.mark.parametrize("payload", PAYLOADS)
def test_show_lets_nothing_steer_the_terminal(
    payload: str, call: Any, tmp_path: Path, make_experiment: Callable[..., Path]
) -> None:
    """Control and direction characters of others are made visible."""
    root = make_experiment(
        tmp_path / "exp", runs={"a": payload.encode("utf-8", "replace").decode()}
    )
    judged(root, "a", 1, 0.5, reasoning=payload, grade=payload)
    status, lines, _ = call("show", "exp/experiment.yaml::runs/a")
    assert status == 0
    assert all(c.isprintable() or c == "\t" for line in lines for c in line)


def test_report_writes_a_page_about_every_experiment_below(
    call: Any, tmp_path: Path, make_experiment: Callable[..., Path]
) -> None:
    """In the order of their paths."""
    for name in ("two", "one"):
        judged(make_experiment(tmp_path / "all" / name), "a", 1, 0.5)
    assert call("report", "all", "-o", "r.html") == (0, ["r.html"], [])
    page = parsed((tmp_path / "r.html").read_bytes())
    assert page.text_of("h2") == ["one", "two"]
