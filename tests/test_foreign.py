"""``import``: runs of other tools become experiments; read from logs that those tools wrote."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.__main__ import main
from harness.layouts import open_experiment
from harness.scan import scan
from tests.pages import PAYLOADS

if TYPE_CHECKING:
    from collections.abc import Callable

TWICE = '{"id": "a", "task": "t", "output": "o"}\n' * 2


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


def test_one_run_is_no_runs(call: Any, tmp_path: Path) -> None:
    """The comment that the experiment begins with counts as people do."""
    (tmp_path / "runs.jsonl").write_text('{"id": "a", "task": "t", "output": "o"}\n')
    assert call("import", "jsonl", "runs.jsonl", "-o", "exp")[0] == 0
    first = (tmp_path / "exp/experiment.yaml").read_text().splitlines()[0]
    assert first == (
        "# Made from runs.jsonl: 1 run. What is still to be decided: who judges, and by which "
        "rubric."
    )


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
        (
            TWICE.replace('"a"', '"a/b"'),
            "the id 'a/b' is there twice; ids must be unique",
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


@pytest.mark.parametrize("form", ["inspect", "jsonl", "promptfoo"])
def test_a_log_that_is_no_file_is_explained(form: str, call: Any, tmp_path: Path) -> None:
    """Whatever tool it is said to come from."""
    (tmp_path / "log").mkdir()
    status, out, err = call("import", form, "log", "-o", "exp")
    assert (status, out, err) == (2, [], ["judge-panel: error: log: is a directory"])


def test_what_is_there_is_not_written_over(call: Any, tmp_path: Path) -> None:
    """Only an empty directory may be there already."""
    (tmp_path / "runs.jsonl").write_text('{"id": 7, "task": "t", "output": "o"}')
    (tmp_path / "exp").mkdir()
    (tmp_path / "exp/mine").touch()
    status, out, err = call("import", "jsonl", "runs.jsonl", "-o", "exp")
    why = "judge-panel: error: exp: is there already; choose another name"
    assert (status, out, err) == (2, [], [why])
    (tmp_path / "exp/mine").unlink()
    assert call("import", "jsonl", "runs.jsonl", "-o", "exp")[0] == 0
    assert list(runs_of(tmp_path / "exp")) == ["runs/7"]  # a number is an id, too


def test_an_id_that_is_there_twice_leaves_nothing_behind(call: Any, tmp_path: Path) -> None:
    """So that the same command can be given again when the file is mended."""
    (tmp_path / "runs.jsonl").write_text(TWICE)
    assert call("import", "jsonl", "runs.jsonl", "-o", "exp")[0] == 2
    (tmp_path / "runs.jsonl").write_text(TWICE.replace("a", "A", 1))
    assert call("import", "jsonl", "runs.jsonl", "-o", "exp")[0] == 0
    assert sorted(runs_of(tmp_path / "exp")) == ["runs/A", "runs/a-ca978112"]


def test_what_a_run_yaml_cannot_hold_lies_beside_it(call: Any, tmp_path: Path) -> None:
    """Much, or deep, meta is kept in a file of its own; the run keeps its id."""
    deep: Any = "x"
    for _ in range(40):
        deep = [deep]
    metas = {"long": {"x": "y" * 70_000}, "deep": {"x": deep}}
    lines = [{"id": name, "task": "t", "output": "o", **meta} for name, meta in metas.items()]
    (tmp_path / "runs.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert call("import", "jsonl", "runs.jsonl", "-o", "exp")[0] == 0
    for name, (*_, meta) in runs_of(tmp_path / "exp").items():
        assert meta == {"id": Path(name).name, "file": "meta.json"}
        kept = json.loads((tmp_path / "exp" / name / "meta.json").read_text())
        assert kept == {"id": Path(name).name, **metas[Path(name).name]}


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


def test_the_log_of_a_killed_inspect_is_read(call: Any, tmp_path: Path) -> None:
    """Such a log has what was begun in place of a header, and the samples that were finished."""
    with zipfile.ZipFile(tmp_path / "log.eval", "w") as archive:
        head = {"version": 2, "eval": {"task": "sums", "model": "m"}}
        archive.writestr("_journal/start.json", json.dumps(head))
        archive.writestr("samples/a_epoch_1.json", json.dumps(sample("a", 1, "2")))
    assert call("import", "inspect", "log.eval", "-o", "exp")[0] == 0
    ((_, output, group, _),) = runs_of(tmp_path / "exp").values()
    assert (output, group) == ("2", "m")


def test_an_agent_that_ends_with_a_tool_has_its_last_words_judged(
    call: Any, tmp_path: Path
) -> None:
    """And what a sample keeps among its attachments is found there."""
    kept = sample("a", 1, "")
    kept["input"] = "attachment://0123"
    kept["attachments"] = {"0123": "A long task."}
    kept["messages"] = [
        {"role": "assistant", "content": "attachment://none"},
        {"role": "assistant", "content": "I am done."},
        {"role": "tool", "content": "ok"},
        {"role": "assistant", "content": []},
    ]
    (tmp_path / "log.json").write_text(json.dumps({"eval": {}, "samples": [kept]}))
    assert call("import", "inspect", "log.json", "-o", "exp")[0] == 0
    ((task, output, *_),) = runs_of(tmp_path / "exp").values()
    assert (task, output) == ("A long task.", "I am done.")


@pytest.mark.parametrize(
    "content", [b"PK\x03\x04 no archive", b"{}x", b"", b'{"samples": 7}', b'{"samples": [7]}']
)
def test_a_damaged_log_is_explained(content: bytes, call: Any, tmp_path: Path) -> None:
    """One line, exit status 2, nothing written."""
    (tmp_path / "log.eval").write_bytes(content)
    status, out, err = call("import", "inspect", "log.eval", "-o", "exp")
    assert (status, out) == (2, [])
    assert err[0].startswith("judge-panel: error: log.eval: is no log of Inspect (")
    assert not (tmp_path / "exp").exists()


def test_a_sample_that_is_too_large_is_explained(
    call: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small archive may hold more than there is memory."""
    monkeypatch.setattr("harness.foreign.inspect.MEMBER_CAP", 100)
    with zipfile.ZipFile(tmp_path / "log.eval", "w") as archive:
        archive.writestr("header.json", "{}")
        archive.writestr("samples/a_epoch_1.json", json.dumps(sample("a", 1, "x" * 100)))
    status, out, err = call("import", "inspect", "log.eval", "-o", "exp")
    why = "is no log of Inspect (samples/a_epoch_1.json is too large)"
    assert (status, out, err) == (2, [], [f"judge-panel: error: log.eval: {why}"])


def test_a_conversation_is_the_task_and_metadata_hide_nothing(call: Any, tmp_path: Path) -> None:
    """Each message with who said it; keys that have a meaning of ours are kept apart."""
    one = sample("a", 1, "2")
    one["input"] = [{"role": "system", "content": "Be brief."}, {"content": "Add."}, "odd"]
    one["metadata"] = {"epoch": "mine", "id": "x", "level": 1}
    (tmp_path / "log.json").write_text(json.dumps({"eval": {}, "samples": [one]}))
    assert call("import", "inspect", "log.json", "-o", "exp")[0] == 0
    ((task, _, _, meta),) = runs_of(tmp_path / "exp").values()
    assert task == "system: Be brief.\n\nuser: Add."
    assert (meta["epoch"], meta["level"], meta["id"]) == (1, 1, "a-epoch-1")
    assert meta["metadata"] == {"epoch": "mine", "id": "x"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"results": 7}', "are no results of promptfoo (there is no list of results in it)"),
        ("[]", "are no results of promptfoo (is a JSON array, not an object)"),
        ('{"results": [7]}', "result 1 is no object"),
    ],
)
def test_results_that_are_none_are_explained(
    text: str, why: str, call: Any, tmp_path: Path
) -> None:
    """One line, exit status 2, nothing written."""
    (tmp_path / "out.json").write_text(text)
    status, out, err = call("import", "promptfoo", "out.json", "-o", "exp")
    assert (status, out, err) == (2, [], [f"judge-panel: error: out.json: {why}"])
    assert not (tmp_path / "exp").exists()


def test_a_provider_of_promptfoo_may_be_a_name_only(call: Any, tmp_path: Path) -> None:
    """As older versions write it."""
    row = {"provider": "echo", "prompt": {"raw": "Say one"}, "response": {"output": "one"}}
    (tmp_path / "out.json").write_text(json.dumps({"results": [row]}))
    assert call("import", "promptfoo", "out.json", "-o", "exp")[0] == 0
    assert runs_of(tmp_path / "exp") == {"runs/1": ("Say one", "one", "echo", {"id": "1"})}


SUMS = """\
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.model import ChatMessageSystem, ChatMessageUser, ContentText, ModelOutput
from inspect_ai.model import ModelUsage, get_model
from inspect_ai.scorer import includes
from inspect_ai.solver import generate, solver

WORDS = "many words, " * 1000

@solver
def breaks():
    async def solve(state, generate):
        if state.sample_id == "broken":
            raise RuntimeError("no disk")
        return await generate(state)
    return solve

def said(content):
    made = ModelOutput.from_content("mockllm/model", content)
    made.usage = ModelUsage()  # else the mock model counts tokens, with a file from elsewhere
    return made

samples = [
    Sample(id="a", input=f"What is 1+1? {WORDS}", target="2", metadata={"level": 1, "id": "x"}),
    Sample(id=7, target=["hi", "hello"],
           input=[ChatMessageSystem(content="Be brief."), ChatMessageUser(content="Say hi")]),
    Sample(id="broken", input="x", target="y"),
]
outputs = [said(f"It is 2. {WORDS}"), said([ContentText(text="h"), ContentText(text="i")])] * 2
task = Task(dataset=samples, solver=breaks(), scorer=includes(), name="sums", fail_on_error=False)
for form in "eval", "json":
    eval(task, model=get_model("mockllm/model", custom_outputs=outputs), log_dir="logs",
         log_format=form, epochs=2, display="none", max_samples=1)
"""


def inspect_python() -> str:
    """Return a Python that has Inspect: this one, or that of ``HARNESS_INSPECT_PYTHON``."""
    found = sys.executable if find_spec("inspect_ai") else os.environ.get("HARNESS_INSPECT_PYTHON")
    if not found:
        pytest.skip("inspect_ai is not installed, and HARNESS_INSPECT_PYTHON names no Python")
    return found


def test_logs_that_inspect_itself_wrote_are_read(call: Any, tmp_path: Path) -> None:
    """Inspect runs with its own mock model; both of its formats say the same."""
    argv = [inspect_python(), "-c", SUMS]
    subprocess.run(argv, cwd=tmp_path, check=True, timeout=120, env={**os.environ, "HOME": "."})
    for form in ("eval", "json"):
        (log,) = (tmp_path / "logs").glob(f"*.{form}")
        assert call("import", "inspect", str(log), "-o", form) == (
            0,
            [f"{form}: 6 runs; edit its experiment.yaml and rubric.yaml, then check it"],
            [],
        )
    found = {Path(name).name: run for name, run in runs_of(tmp_path / "eval").items()}
    assert {Path(name).name: run for name, run in runs_of(tmp_path / "json").items()} == found
    words = ("many words, " * 1000).strip()
    assert sorted(found) == [f"{s}-epoch-{e}" for s in (7, "a", "broken") for e in (1, 2)]
    known = {"epoch": 2, "inspect_task": "sums"}
    assert found["a-epoch-2"] == (
        f"What is 1+1? {words}",
        f"It is 2. {words}",
        "mockllm/model",
        {
            **known,
            "id": "a-epoch-2",
            "inspect_id": "a",
            "level": 1,
            "metadata": {"id": "x"},
            "scores": {"includes": "C"},
            "target": "2",
        },
    )
    assert found["7-epoch-2"][:2] == ("system: Be brief.\n\nuser: Say hi", "h\ni")
    assert found["broken-epoch-2"][1:] == (
        "",
        "mockllm/model",
        {
            **known,
            "id": "broken-epoch-2",
            "inspect_id": "broken",
            "error": "RuntimeError('no disk')",
            "target": "y",
        },
    )


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
    named = {**kept, "provider_id": "echo"}
    assert runs_of(tmp_path / "exp") == {
        "runs/row-1": ("Say one", "one", "echo", {"id": "row-1", **kept}),
        "runs/row-2": ("Say one", '{"said": "one"}', "mine", {"id": "row-2", **named}),
    }


def promptfoo() -> list[str]:
    """Return how to start promptfoo: ``HARNESS_PROMPTFOO``, from PATH, or from npx's packages."""
    given = os.environ.get("HARNESS_PROMPTFOO") or shutil.which("promptfoo")
    if given:
        return [given]
    argv = ["npx", "--no-install", "promptfoo"]
    if shutil.which("npx"):
        there = subprocess.run([*argv, "--version"], capture_output=True, timeout=60, check=False)
        if there.returncode == 0:
            return argv
    pytest.skip("promptfoo is not installed, and HARNESS_PROMPTFOO names no program")


def test_results_that_promptfoo_itself_wrote_are_read(call: Any, tmp_path: Path) -> None:
    """Promptfoo runs with its echo provider, which repeats the prompt."""
    program = promptfoo()
    tests = [
        {"vars": {"w": "one"}, "metadata": {"level": 1}},
        {"vars": {"w": "two"}, "assert": [{"type": "contains", "value": "three"}]},
    ]
    config = {
        "prompts": ["Say {{w}}"],
        "providers": ["echo", {"id": "echo", "label": "mine"}],
        "tests": tests,
    }
    (tmp_path / "promptfooconfig.json").write_text(json.dumps(config))
    argv = [*program, "eval", "-c", "promptfooconfig.json", "-o", "out.json", "--no-cache"]
    off = {"PROMPTFOO_DISABLE_TELEMETRY": "1", "PROMPTFOO_DISABLE_UPDATE": "1"}
    path = {"PATH": f"{Path(program[0]).parent}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    # It ends with 100 where an assertion fails.
    done = subprocess.run(argv, cwd=tmp_path, check=False, timeout=120, env={**off, **path})
    assert done.returncode == 100
    assert call("import", "promptfoo", "out.json", "-o", "exp")[0] == 0
    rows = json.loads((tmp_path / "out.json").read_text())["results"]["results"]
    found = runs_of(tmp_path / "exp").values()
    assert {meta["id"] for *_, meta in found} == {row["id"] for row in rows}
    said = sorted((task, output, group, meta["success"]) for task, output, group, meta in found)
    assert said == [
        ("Say one", "Say one", "echo", True),
        ("Say one", "Say one", "mine", True),
        ("Say two", "Say two", "echo", False),
        ("Say two", "Say two", "mine", False),
    ]
    levels = [meta["metadata"].get("level") for *_, meta in found if meta["vars"] == {"w": "one"}]
    assert levels == [1, 1]
