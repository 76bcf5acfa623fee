"""ProjectScylla's layout in all its variants, judged as it stands."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import harness
from harness.consensus import consensus
from harness.errors import ExperimentError
from harness.layouts import open_experiment
from harness.layouts.base import Damaged, Found, Nothing, judgment_of
from harness.layouts.scylla import ScyllaLayout
from harness.scores import GRADES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.model import Run

    Make = Callable[..., Path]

MODELS = ["claude-opus-4-5-20251101", "claude-sonnet-4-5-20250929", "claude-haiku-4-5"]


def runs_of(root: Path) -> dict[str, Run]:
    """Return the runs of an experiment by name."""
    return {run.name: run for run in ScyllaLayout(root).runs()}


def error_of(root: Path) -> str:
    """Return what is wrong with an experiment as a whole."""
    with pytest.raises(ExperimentError) as caught:
        list(open_experiment(root).runs())
    return str(caught.value)


def set_config(root: Path, **keys: object) -> None:
    """Replace the experiment's config."""
    (root / "config" / "experiment.json").write_text(json.dumps(keys))


# --- the config ------------------------------------------------------------------------------


def test_judge_n_is_the_nth_model_of_the_config(tmp_path: Path, make_scylla: Make) -> None:
    """Kind claude, unless experiment.yaml says otherwise; its own rule; its own rubric's say."""
    experiment = ScyllaLayout(make_scylla(tmp_path / "e", models=MODELS, replay=False)).experiment
    assert [(j.number, j.name, j.model, j.kind) for j in experiment.panel] == [
        (1, MODELS[0], MODELS[0], "claude"),
        (2, MODELS[1], MODELS[1], "claude"),
        (3, MODELS[2], MODELS[2], "claude"),
    ]
    assert all(judge.require_token for judge in experiment.panel)
    assert (experiment.name, experiment.score_from, experiment.retries) == ("e", "declared", 1)
    rule = experiment.rule
    assert (rule.quorum, rule.whole_panel, rule.quotes) == (1, False, "first")
    assert experiment.config_file == tmp_path / "e" / "config" / "experiment.json"


def test_an_older_config_has_one_judge_under_another_name(
    tmp_path: Path, make_scylla: Make
) -> None:
    """``judge_model`` is a panel of one; where both stand, ``judge_models`` counts."""
    root = make_scylla(tmp_path, models=["m"], replay=False)
    set_config(root, judge_model="opus")
    assert [judge.model for judge in ScyllaLayout(root).experiment.panel] == ["opus"]
    set_config(root, judge_model="opus", judge_models=["a", "b"])
    assert [judge.model for judge in ScyllaLayout(root).experiment.panel] == ["a", "b"]


def test_a_model_that_judges_twice_has_two_names(tmp_path: Path, make_scylla: Make) -> None:
    """Reports can tell the two judges apart."""
    root = make_scylla(tmp_path, models=["m", "n", "m"], replay=False)
    assert [judge.name for judge in ScyllaLayout(root).experiment.panel] == ["m-1", "n", "m-3"]


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({}, "judge_models: must be a list of model names; correct it"),
        ({"judge_models": None}, "judge_models: must be a list of model names; correct it"),
        ({"judge_models": "opus"}, "judge_models: must be a list of model names; correct it"),
        ({"judge_models": ["a", 1]}, "judge_models: must be a list of model names; correct it"),
        ({"judge_models": [""]}, "judge_models: must be a list of model names; correct it"),
        ({"judge_model": None}, "judge_models: must be a list of model names; correct it"),
        ({"judge_models": []}, "judge_models: the panel is empty; list at least one model"),
        (
            {"judge_models": ["a", "--yes"]},
            (
                "judge_models[1]: '--yes' is not usable; use up to 128 letters, digits "
                "and ._:/@+- and no leading '-'"
            ),
        ),
        (
            {"judge_models": ["a"], "runs_per_subtest": -1},
            "runs_per_subtest: must be a whole number from 0 to 10000; correct it",
        ),
        (
            {"judge_models": ["a"], "runs_per_subtest": "3"},
            "runs_per_subtest: must be a whole number from 0 to 10000; correct it",
        ),
        (
            {"judge_models": ["a"], "runs_per_subtest": True},
            "runs_per_subtest: must be a whole number from 0 to 10000; correct it",
        ),
        (
            {"judge_models": ["a"], "runs_per_subtest": 10**9},
            "runs_per_subtest: must be a whole number from 0 to 10000; correct it",
        ),
    ],
)
def test_a_wrong_config_says_what_is_wrong(
    tmp_path: Path, make_scylla: Make, config: dict[str, Any], why: str
) -> None:
    """The message names the file, the key, and the way out."""
    root = make_scylla(tmp_path, replay=False)
    set_config(root, **config)
    assert error_of(root) == f"{root}/config/experiment.json: {why}"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty; restore the experiment's config"),
        (b"[]", "is a JSON array, not an object; restore the experiment's config"),
        (b'{"a": NaN}', "is not JSON (NaN is no JSON number); restore the experiment's config"),
        (b"\xff", "is not UTF-8 (byte 0); restore the experiment's config"),
        (None, "is a dangling symbolic link; restore the experiment's config"),
    ],
)
def test_a_damaged_config_says_what_it_is(
    tmp_path: Path, make_scylla: Make, content: bytes | None, why: str
) -> None:
    """Nothing is judged by a config that cannot be read."""
    root = make_scylla(tmp_path)
    path = root / "config" / "experiment.json"
    if content is None:
        path.unlink()
        path.symlink_to("gone")
    else:
        path.write_bytes(content)
    assert error_of(root) == f"{path}: {why}"


def test_a_config_that_vanishes_or_may_not_be_read_says_so(
    tmp_path: Path, make_scylla: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each case has its own way out."""
    root = make_scylla(tmp_path)
    path = root / "config" / "experiment.json"

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr("os.open", refuse)
        assert error_of(root) == f"{path}: cannot be read (Permission denied); mend its permissions"
    path.unlink()
    with pytest.raises(ExperimentError) as caught:
        ScyllaLayout(root)
    assert str(caught.value) == f"{path}: there is no such file; restore the experiment's config"


# --- what overrides it -----------------------------------------------------------------------


def test_experiment_yaml_overrides_how_it_is_judged(tmp_path: Path, make_scylla: Make) -> None:
    """Entries lie over the config's judges in order; what is not given stays."""
    root = make_scylla(tmp_path, models=["a", "b"], replay=False)
    (root / "experiment.yaml").write_text(
        "layout: scylla\n"
        "name: named\n"
        "score_from: rubric\n"
        "retries: 0\n"
        "require_token: false\n"
        "consensus: {score: median, quorum: 2}\n"
        "judges:\n"
        "  - {kind: replay, reply: x, timeout: 5}\n"
    )
    experiment = ScyllaLayout(root).experiment
    first, second = experiment.panel
    assert (first.name, first.model, first.kind, first.timeout) == ("a", "a", "replay", 5.0)
    assert (second.name, second.model, second.kind) == ("b", "b", "claude")
    assert (first.require_token, second.require_token) == (False, False)
    assert (experiment.name, experiment.score_from, experiment.retries) == ("named", "rubric", 0)
    assert (experiment.rule.score, experiment.rule.quorum) == ("median", 2)


def test_experiment_yaml_may_add_judges(tmp_path: Path, make_scylla: Make) -> None:
    """An entry beyond the config's judges is one more, and needs a name of its own."""
    root = make_scylla(tmp_path, models=["a"])
    more = "layout: scylla\njudges: [{kind: checks}, {kind: checks, name: more}]"
    (root / "experiment.yaml").write_text(more)
    assert [j.name for j in ScyllaLayout(root).experiment.panel] == ["a", "more"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            "name: x",
            "stands beside config/experiment.json without overriding it; add layout: scylla",
        ),
        (
            "layout: native",
            "stands beside config/experiment.json without overriding it; add layout: scylla",
        ),
        ("layout: scyla", "layout: unknown value 'scyla'; use one of: native, scylla"),
        ("layout: scylla\nruns: x/*", "runs: has no meaning with layout: scylla; remove it"),
        ("layout: scylla\ntask: t.md", "task: has no meaning with layout: scylla; remove it"),
        (
            "layout: scylla\njudges: [{kind: checks}, {kind: checks}]",
            "judges[1]: the key 'name' is missing; name the judge",
        ),
        (
            "layout: scylla\njudges: [{kind: checks}, {kind: checks, name: m}]",
            "judges[1]: the name 'm' is taken by judges[0]; give each judge its own name",
        ),
        (
            "layout: scylla\nconsensus: {passed: threshold}",
            (
                "consensus: passed: threshold and the key threshold belong together; "
                "give both or neither"
            ),
        ),
        (
            "layout: scylla\nconsensus: {quorum: 2}",
            "consensus.quorum: 2 judgments of 1 judges cannot be reached; use at most 1",
        ),
    ],
)
def test_a_wrong_override_says_what_is_wrong(
    tmp_path: Path, make_scylla: Make, text: str, why: str
) -> None:
    """The message names experiment.yaml, not the config."""
    root = make_scylla(tmp_path, models=["m"])
    (root / "experiment.yaml").write_text(text)
    assert error_of(root) == f"{root}/experiment.yaml: {why}"


# --- the runs --------------------------------------------------------------------------------


def test_runs_come_from_the_directory_in_order(tmp_path: Path, make_scylla: Make) -> None:
    """Tier, subtest, and run are named, and sorted as people count."""
    names = ["T10/00/run_01", "T2/01/run_02", "T2/01/run_01", "T0/00/run_10", "T0/00/run_02"]
    root = make_scylla(tmp_path / "exp", runs=names)
    found = runs_of(root)
    assert list(found) == [
        "T0/00/run_01",  # the config expects it, nobody made it
        "T0/00/run_02",
        "T0/00/run_10",
        "T2/01/run_01",
        "T2/01/run_02",
        "T10/00/run_01",
    ]
    run = found["T2/01/run_02"]
    assert (run.task, run.group, run.path) == ("T2/01", "T2", root / "T2/01/run_02")
    assert run.meta == {"tier": "T2", "subtest": "01", "run": 2}
    assert run.words == {"exp", "T2", "T2/01", "01", "run_02"}


def test_a_run_that_was_never_made_is_blocked(tmp_path: Path, make_scylla: Make) -> None:
    """``runs_per_subtest`` says how many each subtest on disk should have."""
    root = make_scylla(tmp_path, runs=["T0/00/run_02"], runs_per_subtest=3)
    assert {name: run.blocked for name, run in runs_of(root).items()} == {
        "T0/00/run_01": f"{root}/T0/00/run_01: the run was never made",
        "T0/00/run_02": None,
        "T0/00/run_03": f"{root}/T0/00/run_03: the run was never made",
    }


def test_only_tiers_subtests_and_runs_are_runs(tmp_path: Path, make_scylla: Make) -> None:
    """Backups, reports, and whatever else lies around are none."""
    root = make_scylla(tmp_path, runs=["T0/00/run_01"])
    for other in [
        "T0/.failed/run_01",
        "T0/00/run_01.backup",
        "T0/00/.failed",
        "T0/00/old_run_01",
        "t0/00/run_01",
        "T0x/00/run_01",
        "repo/T0/00/run_01",
        "completed",
    ]:
        (root / other).mkdir(parents=True)
    (root / "T0" / "report.json").write_text("{}")
    (root / "T0" / "00" / "run_02").write_text("a file")
    assert list(runs_of(root)) == ["T0/00/run_01"]


def test_an_experiment_without_runs_says_so(tmp_path: Path, make_scylla: Make) -> None:
    """There is nothing to judge before agents have run."""
    root = make_scylla(tmp_path, runs=[])
    assert error_of(root) == (
        f"{root}: there is no run (T0/00/run_01, ...) in it; run the agents first"
    )


@pytest.mark.parametrize("part", ["completed", "in_progress"])
def test_later_versions_keep_runs_one_level_deeper(
    tmp_path: Path, make_scylla: Make, part: str
) -> None:
    """The run's name is the same wherever it lies."""
    root = make_scylla(tmp_path, part=part)
    (run,) = runs_of(root).values()
    assert (run.name, run.path) == ("T0/00/run_01", root / part / "T0/00/run_01")


def test_a_run_in_two_places_is_read_from_the_finished_one(
    tmp_path: Path, make_scylla: Make
) -> None:
    """``completed`` goes before ``in_progress``; a run that is only in one is found there."""
    root = make_scylla(tmp_path, part="completed", runs_per_subtest=2)
    make_scylla(tmp_path, part="in_progress", runs=["T0/00/run_01", "T0/00/run_02"])
    set_config(root, judge_models=["a", "b", "c"], runs_per_subtest=3)
    places = {name: run.path.relative_to(root).parts[0] for name, run in runs_of(root).items()}
    assert places == {
        "T0/00/run_01": "completed",
        "T0/00/run_02": "in_progress",
        "T0/00/run_03": "completed",
    }


@pytest.mark.parametrize(
    ("file", "content", "why"),
    [
        ("agent/output.txt", None, "is missing"),
        ("agent/output.txt", b"", "is empty"),
        ("agent/output.txt", b" \n", "is empty"),
        ("agent/result.json", None, "is missing"),
        ("agent/result.json", b"", "is empty"),
        ("agent/result.json", b"[]", "is a JSON array, not an object"),
        (
            "agent/result.json",
            b'{"exit_code": -1, "token_stats": {"input_tokens": 0, "output_tokens": 0}}',
            "the agent crashed",
        ),
    ],
)
def test_a_run_whose_agent_failed_is_blocked(
    tmp_path: Path, make_scylla: Make, file: str, content: bytes | None, why: str
) -> None:
    """Without what the agent leaves there is nothing to judge."""
    root = make_scylla(tmp_path)
    path = root / "T0/00/run_01" / file
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    assert runs_of(root)["T0/00/run_01"].blocked == f"{path}: {why}"


@pytest.mark.parametrize(
    "result",
    [
        {"exit_code": 1, "token_stats": {"input_tokens": 0}},
        {"exit_code": -1, "token_stats": {"input_tokens": 7}},
        {"exit_code": -1},
        {"exit_code": -1, "token_stats": None},
        {},
    ],
)
def test_an_agent_that_did_anything_is_judged(
    tmp_path: Path, make_scylla: Make, result: dict[str, Any]
) -> None:
    """A bad exit status alone is no reason not to look at the answer."""
    root = make_scylla(tmp_path)
    (root / "T0/00/run_01/agent/result.json").write_text(json.dumps(result))
    assert runs_of(root)["T0/00/run_01"].blocked is None


def test_what_is_no_workspace_is_a_problem_of_its_run(tmp_path: Path, make_scylla: Make) -> None:
    """A run that lost its workspace is judged; one with something else in its place is not."""
    root = make_scylla(tmp_path, runs=["T0/00/run_01", "T0/00/run_02"])
    place = root / "T0/00/run_01/workspace"
    place.symlink_to("/")
    assert [run.problem for run in runs_of(root).values()] == [
        (
            f"{place}: is a symbolic link that leaves the experiment; "
            "put what the agent left behind there, or remove it"
        ),
        None,
    ]


def test_a_run_that_is_a_link_is_blocked_if_it_leaves(tmp_path: Path, make_scylla: Make) -> None:
    """Nothing outside the experiment is judged; a damaged output is named."""
    root = make_scylla(tmp_path / "e", runs=["T0/00/run_01", "T0/01/run_01"])
    (tmp_path / "elsewhere").mkdir()
    (root / "T0/00/run_02").symlink_to(tmp_path / "elsewhere")
    output = root / "T0/01/run_01/agent/output.txt"
    output.unlink()
    output.symlink_to("/dev/zero")
    found = runs_of(root)
    assert found["T0/00/run_02"].blocked == (
        f"{root}/T0/00/run_02: is a symbolic link that leaves the experiment"
    )
    assert found["T0/01/run_01"].blocked == f"{output}: is no regular file"


# --- one slot, in all variants ---------------------------------------------------------------


def read(root: Path, number: int = 1) -> Found | Nothing | Damaged:
    """Read one slot of the experiment's first run."""
    layout = ScyllaLayout(root)
    run = next(iter(layout.runs()))
    return layout.read_slot(run, layout.experiment.panel[number - 1])


@pytest.mark.parametrize("place", ["judge", "logs"])
def test_an_old_judgment_of_a_single_judge_is_found(
    tmp_path: Path, make_scylla: Make, judgment: Callable[..., Any], place: str
) -> None:
    """Before there were panels it lay in judge/ or logs/; the slot's own place goes first."""
    root = make_scylla(tmp_path, models=["m"], judgments={"T0/00/run_01/judge_01": None})
    run = root / "T0/00/run_01"
    assert read(root) == Nothing()
    (run / place).mkdir(exist_ok=True)
    (run / place / "judgment.json").write_text(json.dumps(judgment(0.4)))
    found = read(root)
    assert isinstance(found, Found)
    assert found.judgment.score == 0.4
    (run / "judge/judge_01").mkdir(parents=True)
    (run / "judge/judge_01/judgment.json").write_text(json.dumps(judgment(0.5)))
    found = read(root)
    assert isinstance(found, Found)
    assert found.judgment.score == 0.5


def test_an_old_judgment_means_no_slot_of_a_panel(
    tmp_path: Path, make_scylla: Make, judgment: Callable[..., Any]
) -> None:
    """With several judges nobody knows whose it was."""
    root = make_scylla(tmp_path, judgments={f"T0/00/run_01/judge_0{n}": None for n in (1, 2, 3)})
    (root / "T0/00/run_01/judge").mkdir()
    (root / "T0/00/run_01/judge/judgment.json").write_text(json.dumps(judgment()))
    assert [read(root, n) for n in (1, 2, 3)] == [Nothing()] * 3


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ({"is_valid": False}, "it is marked invalid: is_valid is not true"),
        ({"is_valid": None}, "it is marked invalid: is_valid is not true"),
        ({"is_valid": False, "grade": "N/A"}, "it is marked invalid: is_valid is not true"),
        (
            {"fallback": True, "fallback_reason": "exit 1"},
            "it is a fallback, not a judge's answer",
        ),
        ({"passed": "true"}, "passed must be true or false"),
        ({"passed": None}, "passed must be true or false"),
        ({"score": None}, "score must be a number within 0..1, got null"),
        ({"score": "N/A"}, "score must be a number within 0..1, got 'N/A'"),
    ],
)
def test_a_judgment_that_upstream_would_count_may_be_none(
    tmp_path: Path, make_scylla: Make, judgment: Callable[..., Any], keys: Any, why: str
) -> None:
    """Fallbacks and invalid judgments are no answers of a judge."""
    value = {**judgment(0.7, grade="C"), **keys}
    root = make_scylla(tmp_path, judgments={"T0/00/run_01/judge_01": value})
    path = root / "T0/00/run_01/judge/judge_01/judgment.json"
    assert read(root) == Damaged(f"{path}: not a judgment ({why})")


@pytest.mark.parametrize("missing", ["is_valid", "criteria_scores", "grade", "reasoning"])
def test_a_judgment_may_lack_what_old_versions_did_not_write(
    tmp_path: Path, make_scylla: Make, judgment: Callable[..., Any], missing: str
) -> None:
    """Only score and verdict are needed; the grade then follows from the score."""
    value = judgment(0.85, grade="A", without=[missing], extra={"kept": 1})
    found = read(make_scylla(tmp_path, judgments={"T0/00/run_01/judge_01": value}))
    assert isinstance(found, Found)
    assert (found.judgment.score, found.judgment.grade) == (0.85, "A")
    assert found.judgment.raw == value
    assert found.judgment.provenance == {}


@pytest.mark.parametrize("provenance", [None, [], "x", {"judge": "a"}])
def test_provenance_is_an_object_or_nothing(
    tmp_path: Path, make_scylla: Make, judgment: Callable[..., Any], provenance: Any
) -> None:
    """Whatever other tools keep under that name is left alone."""
    value = judgment(provenance=provenance)
    found = read(make_scylla(tmp_path, judgments={"T0/00/run_01/judge_01": value}))
    assert isinstance(found, Found)
    wanted = provenance if isinstance(provenance, dict) else {}
    assert found.judgment.provenance == wanted


@pytest.mark.parametrize("left", ["timing.json", "error.log", "response.txt"])
def test_what_a_failed_judge_left_shows_that_it_was_tried(
    tmp_path: Path, make_scylla: Make, left: str
) -> None:
    """Old versions wrote only a timing.json with ``failed``; later ones an error.log as well."""
    root = make_scylla(tmp_path, judgments={"T0/00/run_01/judge_01": None})
    slot = root / "T0/00/run_01/judge/judge_01"
    slot.mkdir(parents=True)
    layout = ScyllaLayout(root)
    (run,), (judge, *_) = layout.runs(), layout.experiment.panel
    assert read(root) == Nothing()
    assert layout.tried(run, judge) is None
    (slot / left).write_text('{"failed": true}')
    assert read(root) == Nothing()
    assert layout.tried(run, judge) == f"{slot} holds {left}, but no judgment.json"


# --- the prompt ------------------------------------------------------------------------------


def test_the_run_s_own_prompt_is_found_wherever_it_was_kept(
    tmp_path: Path, make_scylla: Make
) -> None:
    """Run level first, then the older places, then none."""
    root = make_scylla(tmp_path)
    layout = ScyllaLayout(root)
    (run,) = layout.runs()
    places = [
        "judge_prompt.md",
        "judge/prompt.md",
        "judge/judge_01/prompt.md",
        "judge/judge_03/prompt.md",
        "logs/judge_prompt.md",
    ]
    (run.path / "judge_prompt.md").unlink()
    assert layout.frozen_prompt(run) is None
    for place in reversed(places):
        (run.path / place).parent.mkdir(exist_ok=True)
        (run.path / place).write_text("Grade.")
        assert layout.frozen_prompt(run) == run.path / place


def test_without_a_prompt_one_can_be_made(tmp_path: Path, make_scylla: Make) -> None:
    """Task, rubric, and output come from where its versions keep them."""
    root = make_scylla(tmp_path)
    layout = ScyllaLayout(root)
    (run,) = layout.runs()
    parts = layout.prompt_parts(run)
    assert parts["task"] == "Write hello.py, which prints Hello, World!\n"
    assert parts["rubric"] == (root / "rubric.yaml").read_text()
    assert parts["output"] == "It is done.\n"
    (run.path / "task_prompt.md").unlink()
    (root / "rubric.yaml").unlink()
    (root / "prompt.md").write_text("the experiment's task")
    (root / "criteria.md").write_text("the criteria")
    (run.path / "agent/output.txt").write_bytes(b"caf\xe9")
    assert layout.prompt_parts(run) == {
        "task": "the experiment's task",
        "rubric": "the criteria",
        "output": "caf\ufffd",
    }
    assert layout.output(run) == run.path / "agent/output.txt"
    (run.path / "agent/output.txt").unlink()
    assert layout.output(run) is None
    assert layout.prompt_parts(run)["output"] == ""


def test_without_a_prompt_and_a_task_the_message_says_what_to_restore(
    tmp_path: Path, make_scylla: Make
) -> None:
    """A prompt is never made of nothing."""
    root = make_scylla(tmp_path)
    layout = ScyllaLayout(root)
    (run,) = layout.runs()
    task = run.path / "task_prompt.md"
    task.write_bytes(b"\xff")
    with pytest.raises(ExperimentError) as caught:
        layout.prompt_parts(run)
    assert str(caught.value) == f"{task}: is not UTF-8 (byte 0); replace it by a text file"
    task.unlink()
    with pytest.raises(ExperimentError) as caught:
        layout.prompt_parts(run)
    assert str(caught.value) == (
        f"{task}: is missing, and so is the run's judge_prompt.md; restore one of them"
    )


# --- the consensus ---------------------------------------------------------------------------


def wanted(root: Path, scores: dict[int, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return what the derived files of the first run must hold, by name, and the problems."""
    layout = ScyllaLayout(root)
    run = next(iter(layout.runs()))
    made = {number: judgment_of(value, GRADES) for number, value in scores.items()}
    result = consensus(made, layout.experiment.panel, layout.experiment.rule)
    found = layout.consensus_files(run, result, made)
    return {str(path.relative_to(run.path)): dict(k) for path, k in found.wanted.items()}, (
        found.problems
    )


def test_the_consensus_is_written_in_its_own_format(
    tmp_path: Path, make_scylla: Make, judgment: Callable[..., Any]
) -> None:
    """Its four keys and one of ours in result.json, and the judges' part of run_result.json."""
    root = make_scylla(tmp_path)
    scores = {1: judgment(0.5, passed=False, grade="C"), 3: judgment(0.75, grade="B")}
    shared = {"score": 0.625, "passed": False, "grade": "B", "reasoning": "worth 0.5"}
    assert wanted(root, scores) == (
        {
            "judge/result.json": {
                **shared,
                "panel": {
                    "rule": "mean, majority of judgments, quorum 1",
                    "judges": 3,
                    "judged": 2,
                    "votes": {"for": 1, "against": 1},
                    "tie": True,
                    "spread": 0.25,
                    "disagreement": True,
                    "quoted": "model-a",
                },
            },
            "run_result.json": {
                **{f"judge_{key}": value for key, value in shared.items()},
                "judges": [
                    {
                        "model": "model-a",
                        "score": 0.5,
                        "passed": False,
                        "grade": "C",
                        "reasoning": "worth 0.5",
                        "judge_number": 1,
                    },
                    {
                        "model": "model-c",
                        "score": 0.75,
                        "passed": True,
                        "grade": "B",
                        "reasoning": "worth 0.75",
                        "judge_number": 3,
                    },
                ],
            },
        },
        (),
    )


def test_a_consensus_that_agrees_is_not_rewritten_for_our_key(
    tmp_path: Path, make_scylla: Make, judgment: Callable[..., Any]
) -> None:
    """A published file stays as it is; one that has the key keeps it up to date."""
    root = make_scylla(tmp_path)
    path = root / "T0/00/run_01/judge/result.json"
    published = {"score": 0.5, "passed": True, "grade": "C", "reasoning": "worth 0.5"}
    path.write_text(json.dumps(published))
    assert wanted(root, {1: judgment(0.5)})[0]["judge/result.json"] == published
    path.write_text(json.dumps({**published, "panel": {}}))
    assert wanted(root, {1: judgment(0.5)})[0]["judge/result.json"]["panel"]["judged"] == 1


def test_the_rubric_counts_points_and_is_no_input(tmp_path: Path, make_scylla: Make) -> None:
    """The declared score counts unless told otherwise; the other one is recorded beside it."""
    criteria = {
        "functional": {"items": {"F1": {"achieved": 1}, "F2": {"achieved": 3}}},
        "quality": {"items": {"Q1": {"achieved": 1}, "Q2": {"achieved": "N/A"}}},
    }
    reply = {"score": 0.5, "passed": True, "reasoning": "", "categories": criteria}
    slot = "T0/00/run_01/judge_01"
    root = make_scylla(
        tmp_path, models=["m"], judgments={slot: None}, replies={slot: json.dumps(reply)}
    )
    assert harness.judge_experiment(root).judged == 1
    path = root / "T0/00/run_01/judge/judge_01/judgment.json"
    made = json.loads(path.read_text())
    assert (made["score"], made["grade"]) == (0.5, "C")
    assert made["provenance"]["rubric_score"] == pytest.approx(0.8)
    assert made["provenance"]["scores_differ"] is True
    assert made["provenance"]["rubric_sha256"] is None
    (root / "rubric.yaml").write_text(f"# another\n{(root / 'rubric.yaml').read_text()}")
    assert harness.judge_experiment(root, status="stale").selected == ()
    overrides = json.loads((root / "experiment.yaml").read_text())
    (root / "experiment.yaml").write_text(json.dumps({**overrides, "score_from": "rubric"}))
    path.unlink()
    assert harness.judge_experiment(root).judged == 1
    assert json.loads(path.read_text())["score"] == pytest.approx(0.8)


def test_a_rubric_that_cannot_be_read_matters_only_where_it_counts(
    tmp_path: Path, make_scylla: Make
) -> None:
    """Without one the declared score stands; if the rubric's shall count, it is an error."""
    root = make_scylla(tmp_path)
    (root / "rubric.yaml").unlink()
    assert next(iter(ScyllaLayout(root).runs())).scored_by is None
    (root / "experiment.yaml").write_text('{"layout": "scylla", "score_from": "rubric"}')
    with pytest.raises(ExperimentError) as caught:
        ScyllaLayout(root)
    assert str(caught.value) == f"{root}/rubric.yaml: there is no such file; create it"


def test_a_judge_s_unknown_keys_survive(
    tmp_path: Path, make_scylla: Make, judgment: Callable[..., Any]
) -> None:
    """What another version keeps per judge stays with that judge; nonsense is replaced."""
    root = make_scylla(tmp_path)
    path = root / "T0/00/run_01/run_result.json"
    known = [
        {"judge_number": 3, "is_valid": True, "score": 0.0},
        "nonsense",
        {},
        {"judge_number": [1]},
        {"judge_number": 9},
    ]
    path.write_text(json.dumps({"judges": known}))
    found, _ = wanted(root, {1: judgment(0.5), 3: judgment(0.75)})
    first, third = found["run_result.json"]["judges"]
    assert "is_valid" not in first
    assert (third["is_valid"], third["score"]) == (True, 0.75)
    path.write_text(json.dumps({"judges": "nonsense"}))
    found, _ = wanted(root, {1: judgment(0.5)})
    assert len(found["run_result.json"]["judges"]) == 1


def test_the_later_format_is_kept_where_it_is_found(
    tmp_path: Path, make_scylla: Make, judgment: Callable[..., Any]
) -> None:
    """With is_valid in it, the file quotes the judge closest to the score, and its criteria."""
    root = make_scylla(tmp_path)
    path = root / "T0/00/run_01/judge/result.json"
    path.write_text(json.dumps({"is_valid": False, "criteria_scores": {}}))
    criteria = {"f": {"score": 1.0}}
    scores = {1: judgment(1.0), 2: judgment(0.5), 3: judgment(0.75, criteria_scores=criteria)}
    found, _ = wanted(root, scores)
    assert found["judge/result.json"] == {
        "score": 0.75,
        "passed": True,
        "grade": "B",
        "reasoning": "worth 0.75",
        "is_valid": True,
        "criteria_scores": criteria,
        "panel": {
            "rule": "mean, majority of judgments, quorum 1",
            "judges": 3,
            "judged": 3,
            "votes": {"for": 3, "against": 0},
            "tie": False,
            "spread": 0.5,
            "disagreement": True,
            "quoted": "model-c",
        },
    }
    assert found["run_result.json"]["judge_reasoning"] == "worth 0.75"
    path.write_text(json.dumps({"is_valid": True}))
    found, _ = wanted(root, {1: judgment(1.0)})
    assert "criteria_scores" not in found["judge/result.json"]


def test_without_a_judgment_both_files_stay(tmp_path: Path, make_scylla: Make) -> None:
    """The format has no word for an empty panel."""
    assert wanted(make_scylla(tmp_path), {}) == ({}, ())


@pytest.mark.parametrize(
    ("content", "problems"),
    [
        (None, ()),
        (b"[]", ("{path}: is a JSON array, not an object; restore it, the judgments are safe",)),
        (b"\xff", ("{path}: is not UTF-8 (byte 0); restore it, the judgments are safe",)),
    ],
)
def test_run_result_is_updated_but_never_made(
    tmp_path: Path,
    make_scylla: Make,
    judgment: Callable[..., Any],
    content: bytes | None,
    problems: tuple[str, ...],
) -> None:
    """It holds the agent's figures: missing it stays missing, damaged it is a problem."""
    root = make_scylla(tmp_path)
    path = root / "T0/00/run_01/run_result.json"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    found, said = wanted(root, {1: judgment(0.5)})
    assert list(found) == ["judge/result.json"]
    assert said == tuple(problem.format(path=path) for problem in problems)
