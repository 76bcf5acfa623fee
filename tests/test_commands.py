"""The commands that show, check, begin, import, and draw: what they print and what they write."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from harness import judge_experiment
from harness.__main__ import main
from harness.commands import say
from harness.layouts import open_experiment
from harness.scan import scan
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
    root = make_experiment(tmp_path / "exp", runs={"a": "Done.\n", "b": None}, judges=panel)
    assert call("check", "exp") == (
        1,
        [
            "exp: 3 problems",
            "  judge 01 gone: there is no program 'no-such-judge'; install it or correct argv",
            "  judge 02 keyless: the environment has no NO_SUCH_KEY",
            f"  runs/b: {root}/runs/b: no output.md or output.txt with text in it",
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
    assert lines[1].startswith(f"  {tmp_path}/exp/experiment.yaml: unknown key 'judgs'")


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


@pytest.mark.parametrize("terminal", [True, False])
def test_long_work_says_how_far_it_is(
    terminal: bool,  # noqa: FBT001 - a parameter of the test
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """From two seconds on, at most once a second, to a terminal alone; in the end it is gone."""
    clock = [100.0]
    monkeypatch.setattr(say, "time", SimpleNamespace(monotonic=lambda: clock[-1]))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    with say.Steps("report", "runs") as steps:
        for done, moment in enumerate((101.9, 102.0, 102.5, 103.0), 1):
            clock.append(moment)
            steps.step(done, 9)
    shown = "\rreport: 2 of 9 runs\x1b[K\rreport: 4 of 9 runs\x1b[K\r\x1b[K"
    assert capsys.readouterr().err == (shown if terminal else "")


# --- import --------------------------------------------------------------------------------------


def runs_of(root: Path) -> dict[str, tuple[Any, ...]]:
    """Return what an experiment says of its runs: task, output, group, and meta by name."""
    layout = open_experiment(root)
    found: dict[str, tuple[Any, ...]] = {}
    for slots in scan(layout).by_run():
        run = slots[0].run
        parts = layout.prompt_parts(run)
        found[run.name] = (parts["task"].strip(), parts["output"].strip(), run.group, run.meta)
    return found


def test_jsonl_becomes_an_experiment(call: Any, tmp_path: Path) -> None:
    """Runs keep their ids, tasks, groups, and everything else; a workspace is copied."""
    (tmp_path / "left").mkdir()
    (tmp_path / "left" / "a.txt").write_text("kept")
    lines = [
        {
            "id": "one",
            "task": "Add.",
            "output": "2",
            "group": "fast",
            "x": 7,
            "workspace": "left",
        },
        {"id": "odd/id", "task": "Say hi.", "output": "hi"},
    ]
    (tmp_path / "runs.jsonl").write_text("\n".join(json.dumps(line) for line in lines) + "\n\n")
    assert call("import", "jsonl", "runs.jsonl", "-o", "exp") == (
        0,
        ["exp: 2 runs; edit its experiment.yaml and rubric.yaml, then check it"],
        [],
    )
    assert runs_of(tmp_path / "exp") == {
        "runs/task-1/one": ("Add.", "2", "fast", {"id": "one", "x": 7}),
        "runs/task-2/odd-id-6ab7847e": ("Say hi.", "hi", "task-2", {"id": "odd/id"}),
    }
    copied = tmp_path / "exp" / "runs" / "task-1" / "one" / "workspace" / "a.txt"
    assert copied.read_text() == "kept"
    assert call("check", "exp")[1] == [
        "exp: 1 problem",
        "  judge 01 first: there is no program 'my-judge'; install it or correct argv",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "runs.jsonl: there is no such file"),
        ("\n", "runs.jsonl: there are no runs in it"),
        ("[]", "runs.jsonl:1: is a JSON array, not an object"),
        ('{"id": "a", "task": "t"}', "runs.jsonl:1: the key 'output' must be there and be a text"),
        (
            '{"id": "a", "task": "t", "output": "o", "workspace": "no"}',
            "runs.jsonl:1: workspace: there is no directory 'no'",
        ),
        (
            TWICE,
            "the id 'a' is there twice; ids must be unique",
        ),
    ],
)
def test_jsonl_that_is_none_is_explained(
    text: str | None, message: str, call: Any, tmp_path: Path
) -> None:
    """One line that names the place, and exit status 2."""
    if text is not None:
        (tmp_path / "runs.jsonl").write_text(text)
    status, out, err = call("import", "jsonl", "runs.jsonl", "-o", "exp")
    assert (status, out, err) == (2, [], [f"judge-panel: error: {message}"])


@pytest.mark.parametrize("payload", PAYLOADS)
def test_what_others_wrote_stays_in_its_place(payload: str, call: Any, tmp_path: Path) -> None:
    """No id leads out of the experiment, and no text breaks its files."""
    line: dict[str, Any] = {"id": f"../../{payload}", "task": payload, "output": f"x{payload}"}
    line |= {"group": payload, "more": {payload: [payload]}}
    (tmp_path / "runs.jsonl").write_text(json.dumps(line))
    assert call("import", "jsonl", "runs.jsonl", "-o", "exp")[0] == 0
    assert {path.name for path in tmp_path.iterdir()} == {"exp", "runs.jsonl"}
    assert len(runs_of(tmp_path / "exp")) == 1


def sample(identity: object, epoch: int, output: object) -> dict[str, Any]:
    """Return a sample as Inspect writes it, as far as it is read."""
    message = {"role": "assistant", "content": output}
    return {
        "id": identity,
        "epoch": epoch,
        "input": [{"role": "user", "content": "Add."}],
        "target": "2",
        "output": {"choices": [{"message": message}]},
        "scores": {"includes": {"value": "C"}},
        "metadata": {"level": 1},
    }


@pytest.mark.parametrize("form", ["eval", "json"])
def test_logs_of_inspect_become_an_experiment(form: str, call: Any, tmp_path: Path) -> None:
    """A run for each sample and epoch; the model is the group, the scores are kept."""
    head = {"eval": {"task": "sums", "model": "mock/model"}}
    samples = [sample("a", 1, "2"), sample("a", 2, [{"type": "text", "text": "two"}])]
    log = tmp_path / f"log.{form}"
    if form == "json":
        log.write_text(json.dumps({**head, "samples": samples}))
    else:
        with zipfile.ZipFile(log, "w") as archive:
            archive.writestr("header.json", json.dumps(head))
            for one in samples:
                archive.writestr(f"samples/a_epoch_{one['epoch']}.json", json.dumps(one))
    assert call("import", "inspect", log.name, "-o", "exp")[0] == 0
    kept = {"inspect_id": "a", "target": "2", "inspect_task": "sums", "level": 1}
    kept |= {"scores": {"includes": "C"}}
    assert runs_of(tmp_path / "exp") == {
        f"runs/a-epoch-{n}": (
            "Add.",
            text,
            "mock/model",
            {**kept, "id": f"a-epoch-{n}", "epoch": n},
        )
        for n, text in ((1, "2"), (2, "two"))
    }


@pytest.mark.parametrize("content", [b"PK\x03\x04 no archive", b"{}x", b""])
def test_a_damaged_log_is_explained(content: bytes, call: Any, tmp_path: Path) -> None:
    """One line, exit status 2, nothing written."""
    (tmp_path / "log.eval").write_bytes(content)
    status, out, err = call("import", "inspect", "log.eval", "-o", "exp")
    assert (status, out) == (2, [])
    assert err[0].startswith("judge-panel: error: log.eval: is no log of Inspect (")
    assert not (tmp_path / "exp").exists()


SUMS = """\
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.scorer import includes
samples = [Sample(id="a", input="What is 1+1?", target="2", metadata={"level": 1})]
task = Task(dataset=samples, scorer=includes(), name="sums")
eval(task, model="mockllm/model", log_dir="logs", log_format="FORM", epochs=2, display="none")
"""


@pytest.mark.parametrize("form", ["eval", "json"])
def test_logs_that_inspect_itself_wrote_are_read(form: str, call: Any, tmp_path: Path) -> None:
    """Inspect runs with its own mock model; both of its formats say the same."""
    pytest.importorskip("inspect_ai")
    subprocess.run(
        [sys.executable, "-c", SUMS.replace("FORM", form)], cwd=tmp_path, check=True, timeout=120
    )
    (log,) = (tmp_path / "logs").glob(f"*.{form}")
    assert call("import", "inspect", str(log), "-o", "exp")[0] == 0
    found = runs_of(tmp_path / "exp")
    assert sorted(found) == ["runs/a-epoch-1", "runs/a-epoch-2"]
    task, output, group, meta = found["runs/a-epoch-2"]
    assert (task, output) == ("What is 1+1?", "Default output from mockllm/model")
    assert (group, meta["epoch"], meta["level"]) == ("mockllm/model", 2, 1)


def test_results_of_promptfoo_become_an_experiment(call: Any, tmp_path: Path) -> None:
    """A run for each row; the provider is the group, what it was scored is kept."""
    rows = [
        {
            "id": f"row-{number}",
            "provider": {"id": "echo", "label": label},
            "prompt": {"raw": "Say one", "label": "Say {{w}}"},
            "vars": {"w": "one"},
            "response": {"output": output},
            "success": True,
            "score": 1,
        }
        for number, label, output in ((1, "", "one"), (2, "mine", {"said": "one"}))
    ]
    (tmp_path / "out.json").write_text(json.dumps({"results": {"results": rows}}))
    assert call("import", "promptfoo", "out.json", "-o", "exp")[0] == 0
    kept = {"vars": {"w": "one"}, "success": True, "score": 1}
    assert runs_of(tmp_path / "exp") == {
        "runs/row-1": ("Say one", "one", "echo", {"id": "row-1", **kept}),
        "runs/row-2": ("Say one", '{"said": "one"}', "mine", {"id": "row-2", **kept}),
    }


def test_results_that_promptfoo_itself_wrote_are_read(call: Any, tmp_path: Path) -> None:
    """Promptfoo runs with its echo provider, which repeats the prompt."""
    program = shutil.which("promptfoo")
    if program is None:
        pytest.skip("promptfoo is not installed")
    config = {"prompts": ["Say {{w}}"], "providers": ["echo"], "tests": [{"vars": {"w": "one"}}]}
    (tmp_path / "promptfooconfig.json").write_text(json.dumps(config))
    argv = [program, "eval", "-c", "promptfooconfig.json", "-o", "out.json", "--no-cache"]
    off = {"PROMPTFOO_DISABLE_TELEMETRY": "1", "PROMPTFOO_DISABLE_UPDATE": "1"}
    path = {"PATH": f"{Path(program).parent}:/usr/local/bin:/usr/bin:/bin", "HOME": str(tmp_path)}
    subprocess.run(argv, cwd=tmp_path, check=True, timeout=120, env={**off, **path})
    assert call("import", "promptfoo", "out.json", "-o", "exp")[0] == 0
    ((task, output, group, _),) = runs_of(tmp_path / "exp").values()
    assert (task, output, group) == ("Say one", "Say one", "echo")
