"""``python -m harness``: what it prints, what it exits with, what a user did wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import harness
from harness import commands
from harness.__main__ import main
from tests.conftest import replay_panel, write

if TYPE_CHECKING:
    from collections.abc import Callable

CHECKOUT = Path(harness.__file__).parents[1]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make an empty directory the current one; the program was called by its short name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys, "argv", ["judge-panel"])
    return tmp_path


class Called:
    """What one call printed, and its exit status."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status = status
        self.out = out.splitlines()
        self.err = err.splitlines()
        self.text = out


@pytest.fixture
def call(here: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Called]:
    """Return a function that calls the program in this process."""
    del here

    def called(*arguments: str) -> Called:
        capsys.readouterr()
        try:
            status = main(arguments)
        except SystemExit as done:  # argparse's own way
            status = int(done.code or 0)
        return Called(status, *capsys.readouterr())

    return called


def put(run: Path, number: int, score: float, **keys: Any) -> None:
    """Write a judgment that passes from 0.5 on."""
    value = {"score": score, "passed": score >= 0.5, **keys}
    write(run / "judge" / f"judge_{number:02d}" / "judgment.json", json.dumps(value))


@pytest.fixture
def exp(here: Path, make_experiment: Callable[..., Path]) -> Path:
    """Write an experiment of three runs and two judges; one slot failed, one is missing."""
    human = {"name": "ada", "kind": "human"}
    root = make_experiment(here / "exp", runs=["a", "b", "c"], judges=[*replay_panel(2), human])
    for run, one, two in (("a", 0.9, 0.7), ("b", 0.6, 0.2)):
        put(root / "runs" / run, 1, one)
        put(root / "runs" / run, 2, two)
    put(root / "runs" / "a", 3, 1.0)
    put(root / "runs" / "b", 3, 0.0)
    write(root / "runs" / "c" / "judge" / "judge_01" / "judgment.json", "{}")
    return root


# --- the frame -----------------------------------------------------------------------------------


def test_help_names_every_command(call: Callable[..., Called]) -> None:
    """With what it is for."""
    done = call("--help")
    assert (done.status, done.err) == (0, [])
    assert done.out[0] == "usage: judge-panel [-h] [--version] COMMAND ..."
    for name, purpose in commands.COMMANDS.items():
        assert any(line.split()[:1] == [name] for line in done.out)
        assert purpose in " ".join(done.text.split())
    assert done.out[-1] == "Exit status: 0 done, 1 a gate does not hold, 2 wrong usage."


@pytest.mark.parametrize("name", commands.COMMANDS)
def test_every_command_explains_itself(call: Callable[..., Called], name: str) -> None:
    """Its first line is its usage, then comes what it is for."""
    done = call(name, "--help")
    assert (done.status, done.err) == (0, [])
    assert done.text.startswith(f"usage: judge-panel {name} ")
    purpose = commands.COMMANDS[name]
    assert f"{purpose[0].upper()}{purpose[1:]}." in " ".join(done.text.split())


def test_the_version_is_that_of_the_package(call: Callable[..., Called]) -> None:
    """As pip knows it."""
    assert call("--version").out == [f"judge-panel {harness.__version__}"]


class Fails:
    """A command that ends with an error."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def add_arguments(self, parser: object) -> None:
        """Take nothing."""

    def run(self, arguments: object) -> int:
        """Fail."""
        del arguments
        raise self._error


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (OSError(28, "No space left on device", "/full/x"), "/full/x: No space left on device"),
        (OSError(24, "Too many open files"), "Too many open files"),
        (OSError("of no number"), "of no number"),
    ],
)
def test_what_the_system_refuses_is_one_line(
    call: Callable[..., Called], monkeypatch: pytest.MonkeyPatch, error: OSError, why: str
) -> None:
    """With the file, if there is one, and no traceback."""
    monkeypatch.setattr(commands, "load", lambda _: Fails(error))
    done = call("status")
    assert (done.status, done.out, done.err) == (2, [], [f"judge-panel: error: {why}"])


def test_a_reader_that_has_seen_enough_ends_a_command_well(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As with ``| head``: nothing is said, and Python has nothing left to flush at its end."""
    del here
    monkeypatch.setattr(commands, "load", lambda _: Fails(BrokenPipeError()))
    read, write = os.pipe()
    with open(write, "w", encoding="utf-8") as stdout, monkeypatch.context() as patch:  # noqa: PTH123 - a descriptor
        stdout.write("more than anybody reads")
        os.close(read)
        patch.setattr(sys, "stdout", stdout)
        assert main(["status"]) == 0
        assert stdout.closed
    assert capsys.readouterr() == ("", "")


def test_only_the_command_that_was_called_is_imported() -> None:
    """Help is there at once; pyarrow, statistics, and the rest are not loaded for it."""
    program = "import sys; from harness.__main__ import main\ntry: main(['--help'])\nfinally: "
    program += "print([n for n in sys.modules if n.startswith('harness.')], file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(CHECKOUT), "PATH": ""},
    )
    assert set(done.stderr.strip("[]\n").replace("'", "").split(", ")) == {
        "harness.__main__",
        "harness.commands",
        "harness.commands.say",
        "harness.errors",
        "harness.text",
    }


def test_the_module_is_a_program() -> None:
    """``python -m harness`` and the installed script are the same."""
    done = subprocess.run(
        [sys.executable, "-m", "harness", "status", "nowhere"],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(CHECKOUT), "PATH": ""},
    )
    assert (done.returncode, done.stdout, done.stderr) == (
        2,
        "",
        "python -m harness: error: nowhere: is no directory\n",
    )


def test_a_reader_that_has_seen_enough_is_no_error(exp: Path) -> None:
    """As with ``| head``: no traceback, no complaint."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "harness", "status", str(exp)],
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env={"PYTHONPATH": str(CHECKOUT), "PATH": ""},
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("status", "nowhere"), "nowhere: is no directory"),
        (
            ("status", "."),
            ".: there is no experiment.yaml and no config/experiment.json here or below",
        ),
        (
            ("compare", "a.json", "."),
            ".: there is no experiment.yaml and no config/experiment.json here or below",
        ),
        (
            ("junit", "exp", "-o", "no/where.xml"),
            "no/where.xml: there is no directory no; create it",
        ),
        (("baseline", "exp", "-o", "exp"), "exp: is a directory; name a file"),
    ],
)
def test_what_a_user_did_wrong_is_one_line_and_exit_status_2(
    call: Callable[..., Called],
    make_experiment: Callable[..., Path],
    here: Path,
    arguments: tuple[str, ...],
    message: str,
) -> None:
    """On stderr, without a traceback."""
    if "exp" in arguments:
        make_experiment(here / "exp")
    done = call(*arguments)
    assert (done.status, done.out, done.err) == (2, [], [f"judge-panel: error: {message}"])


def test_an_experiment_that_cannot_be_read_is_one_line(
    call: Callable[..., Called], here: Path
) -> None:
    """It names the file, the key, and the remedy."""
    write(here / "exp" / "experiment.yaml", "judges: []\n")
    done = call("status", "exp")
    why = "judges: the panel is empty; list at least one judge"
    assert (done.status, done.err) == (
        2,
        [f"judge-panel: error: {here}/exp/experiment.yaml: {why}"],
    )


# --- status --------------------------------------------------------------------------------------


@pytest.mark.usefixtures("exp")
def test_status_counts_slots_by_judge(call: Callable[..., Called]) -> None:
    """With what people judged, and why slots failed; paths can be typed from here."""
    path = "exp/runs/c/judge/judge_01/judgment.json"
    assert call("status", "exp").out == [
        "exp (exp): 6 slots: 4 complete, 1 missing, 1 failed",
        "  judge       complete  missing  failed",
        "  01 judge-a         2        0       1",
        "  02 judge-b         2        1       0",
        "  2 of 3 runs have all judgments",
        "  03 ada (human): judged 2 of 3 runs",
        f"  exp/experiment.yaml::runs/c/judge_01: {path}: not a judgment (score is missing)",
    ]


@pytest.mark.usefixtures("exp")
def test_status_as_json_has_everything(call: Callable[..., Called]) -> None:
    """For programs, with the ids of all failed slots."""
    (found,) = json.loads(call("status", "exp", "--json").text)["experiments"]
    assert (found["name"], found["path"], found["layout"], found["runs"]) == (
        "exp",
        "exp",
        "native",
        3,
    )
    counts = {"complete": 2, "missing": 1, "failed": 0, "stale": 0, "blocked": 0}
    assert found["judges"][1]["slots"] == counts
    assert found["people"] == [{"number": 3, "name": "ada", "judged": 2}]
    assert [slot["id"] for slot in found["failed"]] == ["exp/experiment.yaml::runs/c/judge_01"]


def test_status_of_a_directory_is_that_of_the_experiments_below(
    call: Callable[..., Called], make_experiment: Callable[..., Path], here: Path
) -> None:
    """Sorted by path; what lies inside an experiment is none."""
    for place in ("many/b", "many/deep/a", "many/b/runs/a/workspace"):
        make_experiment(here / place, runs=["a"], judges=1)
    found = [line for line in call("status", "many").out if "slots" in line]
    assert found == [
        "b (many/b): 1 slots: 1 missing",
        "a (many/deep/a): 1 slots: 1 missing",
    ]


# --- agreement -----------------------------------------------------------------------------------


AGREEMENT = [
    "exp (exp)",
    "  coverage         4 of 6 judgments, 2 of 3 runs have all, 2 a consensus",
    "  score            0.600 [0.000, 1.000] (only 2 runs: the interval says little)",
    "  pass rate        0.500 [0.000, 1.000] (only 2 runs: the interval says little)",
    "  alpha, scores    0.423 (no interval: 2 runs are too few to resample)",
    "  alpha, verdicts  0.000 (no interval: 2 runs are too few to resample)",
    "  Fleiss' kappa    -0.333 (no interval: 2 runs are too few to resample)",
    "  ICC(A,1)         0.600 (no interval: 2 runs are too few to resample)",
    "  ICC(A,k)         0.750 (no interval: 2 runs are too few to resample)",
    "  effective votes  1.00 (no interval: 2 runs are too few to resample) by scores,",
    ("                   undefined (1 of 1 pairs of judges have no correlation) by verdicts"),
    "  judge    n                  score                 severity",
    "  judge-a  2  0.750 [0.000, 1.000]*   0.300 [-0.971, 1.000]*",
    "  judge-b  2  0.450 [0.000, 1.000]*  -0.300 [-1.000, 0.971]*",
    "  judge                pass rate  same verdict  correlation",
    "  judge-a  1.000 [0.342, 1.000]*         0.500        1.000",
    "  judge-b  0.500 [0.000, 1.000]*         0.500        1.000",
    "  judge    calls  wasted  retries  USD  median s",
    "  judge-a      0       0        0    -         -",
    "  judge-b      0       0        0    -         -",
    "  pair              n  Spearman  Pearson  mean |difference|  Cohen's kappa",
    "  judge-a, judge-b  2     1.000    1.000              0.300          0.000",
    "  split verdicts: 1 of 2 runs",
    "    exp/experiment.yaml::runs/b",
    "  most disputed, highest score minus lowest:",
    "    0.400 exp/experiment.yaml::runs/b",
    "    0.200 exp/experiment.yaml::runs/a",
    "  people judged 2 runs and passed 1",
    "  against people            sensitivity            specificity",
    "  judge-a         1.000 [0.207, 1.000]*  0.000 [0.000, 0.793]*",
    "  judge-b         1.000 [0.207, 1.000]*  1.000 [0.207, 1.000]*",
    "  panel           1.000 [0.207, 1.000]*  1.000 [0.207, 1.000]*",
    "  against people              pass rate              corrected",
    "  judge-a         1.000 [0.342, 1.000]*                      -",
    "  judge-b         0.500 [0.000, 1.000]*  0.500 [0.000, 1.000]*",
    "  panel           0.500 [0.000, 1.000]*  0.500 [0.000, 1.000]*",
    "  against people                     bias",
    "  judge-a          0.250 [-1.000, 1.000]*",
    "  judge-b         -0.050 [-1.000, 1.000]*",
    "  panel            0.100 [-1.000, 1.000]*",
    "  judges with independent errors: undefined (1 of 1 pairs of judges have no correlation)",
    "  * few runs or tasks: the interval says little; --json has the notes",
    "  a dash is a figure that is undefined or unknown",
]


@pytest.mark.usefixtures("exp")
def test_agreement_shows_figures_and_the_runs_to_look_at(call: Callable[..., Called]) -> None:
    """Ids can be pasted after ``pytest``; what is undefined says why."""
    assert call("agreement", "exp").out == AGREEMENT


def test_agreement_fits_on_a_screen_where_names_are_long(
    call: Callable[..., Called], make_experiment: Callable[..., Path], here: Path
) -> None:
    """Wide tables have parts, and pairs of judges with long names have numbers."""
    names = ["claude-opus-4-5-20251101", "claude-sonnet-4-5-20250929", "x" * 60]
    root = make_experiment(here / "exp", runs=[f"r{n:02d}" for n in range(12)], judges=3)
    config = json.loads((root / "experiment.yaml").read_bytes())
    for judge, name in zip(config["judges"], names, strict=True):
        judge["name"] = name
    write(root / "experiment.yaml", json.dumps(config))
    for n in range(12):
        for number in (1, 2, 3):
            put(root / "runs" / f"r{n:02d}", number, (n * number % 7) / 7)
    lines = call("agreement", "exp").out
    assert [line for line in lines[11:] if len(line) > 80] == []
    pairs = [line.split()[:2] for line in lines if line.startswith(("  1, ", "  2, "))]
    assert pairs[:3] == [["1,", "2"], ["1,", "3"], ["2,", "3"]]
    first = lines.index("    1 is claude-opus-4-5-20251101")
    assert lines[first + 1 : first + 3] == [
        "    2 is claude-sonnet-4-5-20250929",
        f"    3 is {'x' * 40} [...]",
    ]


@pytest.mark.usefixtures("exp")
def test_agreement_as_json_has_every_level(call: Callable[..., Called]) -> None:
    """With values, intervals, and reasons; no NaN can be in it."""
    (found,) = json.loads(call("agreement", "exp", "--json").text)["experiments"]
    assert found["split"] == ["exp/experiment.yaml::runs/b"]
    assert found["whole"]["coverage"]["judgments"] == 4
    assert found["whole"]["fleiss"] == {
        "value": pytest.approx(-1 / 3),
        "n": 2,
        "low": None,
        "high": None,
        "why": None,
        "note": "no interval: 2 runs are too few to resample",
    }
    assert [level["name"] for level in found["tasks"]] == ["."]
    assert found["calibration"]["labelled"] == 2
    assert [effort["judge"] for effort in found["effort"]] == ["judge-a", "judge-b"]


def test_agreement_of_one_group_or_task_is_shown_whole(
    call: Callable[..., Called], make_experiment: Callable[..., Path], here: Path
) -> None:
    """With its own judges and pairs, as the JSON has them for every level."""
    root = make_experiment(here / "exp", runs=["x/a", "x/b", "y/c"], judges=2)
    config = json.loads((root / "experiment.yaml").read_bytes())
    write(root / "experiment.yaml", json.dumps({**config, "runs": "runs/*/*"}))
    for run, scores in (("x/a", (0.9, 0.7)), ("x/b", (0.2, 0.4)), ("y/c", (0.5, 0.1))):
        for number, score in enumerate(scores, 1):
            put(root / "runs" / run, number, score)
    whole = call("agreement", "exp").out
    assert "  ... --group NAME has all figures of one, --json of all" in whole
    lines = call("agreement", "exp", "--group", "x").out
    assert lines[1] == "  coverage         4 of 4 judgments, 2 of 2 runs have all, 2 a consensus"
    (pair,) = [line for line in lines if line.startswith("  judge-a, judge-b")]
    assert pair.split()[2:] == ["2", "1.000", "1.000", "0.200", "1.000"]
    (found,) = json.loads(call("agreement", "exp", "--json").text)["experiments"]
    assert [level["name"] for level in found["groups"]] == ["x", "y"]
    for level in (found["whole"], *found["groups"], *found["tasks"]):
        assert len(level["pairs"]) == 1
        assert [judge["judge"] for judge in level["judges"]] == ["judge-a", "judge-b"]
        assert [effort["judge"] for effort in level["effort"]] == ["judge-a", "judge-b"]
    assert found["groups"][0]["pairs"][0]["difference"]["value"] == pytest.approx(0.2)
    assert found["groups"][1]["split"] == ["exp/experiment.yaml::runs/y/c"]
    done = call("agreement", "exp", "--group", "x", "--task", "no")
    why = "no run has the group 'x' and task 'no'; --json lists the names"
    assert (done.status, done.err) == (2, [f"judge-panel: error: exp: {why}"])


def test_agreement_of_nothing_is_undefined_not_an_error(
    call: Callable[..., Called], make_experiment: Callable[..., Path], here: Path
) -> None:
    """An experiment that nobody judged yet."""
    make_experiment(here / "exp", runs=["a"], judges=1)
    done = call("agreement", "exp")
    assert (done.status, done.err) == (0, [])
    assert done.out[1:5] == [
        "  coverage         0 of 1 judgments, 0 of 1 runs have all, 0 a consensus",
        "  score            undefined (there is no value)",
        "  pass rate        undefined (there is no value)",
        "  alpha, scores    undefined (no run has two judgments)",
    ]


# --- compare and baseline ------------------------------------------------------------------------


def test_a_later_state_is_compared_with_a_baseline(call: Callable[..., Called], exp: Path) -> None:
    """What changed, what flipped, and with a bound whether that is too much."""
    assert call("baseline", "exp", "-o", "base.json").out == [
        "base.json: 2 of 3 runs have a consensus"
    ]
    put(exp / "runs" / "b", 1, 0.9)
    put(exp / "runs" / "b", 2, 0.9)
    put(exp / "runs" / "a", 1, 0.6)
    done = call("compare", "base.json", "exp")
    assert (done.status, done.err) == (0, [])
    assert done.out == [
        "from exp to exp, 2 runs paired",
        "  score      +0.175 [-1.000, +1.000] (only 2 runs: the interval says little)",
        "  pass rate  +0.500 [-1.000, +1.000] (only 2 runs: the interval says little)",
        "  1 better, 1 worse, 0 the same",
        "  run     first  second  change",
        "  runs/a  0.800   0.650  -0.150",
        "  runs/b  0.400   0.900   0.500",
    ]
    assert call("compare", "base.json", "exp", "--max-regression", "0").status == 0
    worse = call("compare", "exp", "base.json", "--max-regression", "0.1")
    assert (worse.status, worse.err) == (
        1,
        ["the mean score fell by 0.175, at most 0.1 is allowed (95 % interval -1 to 1)"],
    )


def test_flips_and_runs_without_a_partner_are_listed(
    call: Callable[..., Called], make_experiment: Callable[..., Path], here: Path
) -> None:
    """Both experiments are on disk, and not all their runs are the same."""
    for place, runs in (("one", {"a": 0.9, "b": 0.1, "x": 0.5}), ("two", {"a": 0.1, "b": 0.9})):
        root = make_experiment(here / place, runs=list(runs), judges=1)
        for run, score in runs.items():
            put(root / "runs" / run, 1, score)
    lines = call("compare", "one", "two").out
    assert lines[0] == "from one to two, 2 runs paired"
    assert lines[-3:] == [
        "  two/experiment.yaml::runs/a: passed, now fails",
        "  two/experiment.yaml::runs/b: failed, now passes",
        "  only in one: runs/x",
    ]
    found = json.loads(call("compare", "one", "two", "--json").text)
    assert (found["first"], found["second"], found["wins"], found["losses"]) == ("one", "two", 1, 1)
    assert found["only_first"] == ["runs/x"]


def test_a_change_that_is_undefined_holds_no_gate(
    call: Callable[..., Called], make_experiment: Callable[..., Path], here: Path
) -> None:
    """Nobody can say that it did not get worse."""
    make_experiment(here / "one", runs=["a"], judges=1)
    done = call("compare", "one", "one", "--max-regression", "1")
    why = "both sides have no task in common that was judged"
    assert (done.status, done.err) == (
        1,
        [f"the change of the score is undefined ({why}); a gate needs a figure"],
    )


@pytest.mark.parametrize("bound", ["5", "nan", "x"])
def test_a_bound_that_makes_no_sense_is_wrong_usage(
    call: Callable[..., Called], bound: str
) -> None:
    """5 may have been meant as per cent, and nan would always hold."""
    done = call("compare", "one", "two", f"--max-regression={bound}")
    why = f"argument --max-regression: must be a number from 0 to 1, got {bound!r}"
    assert (done.status, done.out) == (2, [])
    assert done.err[-1] == f"judge-panel compare: error: {why}"


def test_a_file_with_many_experiments_is_compared_with_one_of_them(
    call: Callable[..., Called], make_experiment: Callable[..., Path], here: Path
) -> None:
    """By name; where no name fits, the message says what there is."""
    for place in ("many/one", "many/two", "three"):
        put(make_experiment(here / place, runs=["a"], judges=1) / "runs" / "a", 1, 0.5)
    assert call("baseline", "many", "-o", "base.json").status == 0
    assert call("compare", "base.json", "many/two").out[0] == "from two to two, 1 run paired"
    why = "holds the experiments 'one', 'two'; none of them is the other side's, "
    why += "and only a file with one can be compared with any"
    assert call("compare", "base.json", "three").err == [f"judge-panel: error: base.json: {why}"]
    assert call("compare", "many", "three").err == [
        "judge-panel: error: many: holds 2 experiments; name one of them"
    ]


def test_experiments_of_one_name_make_no_baseline(
    call: Callable[..., Called], make_experiment: Callable[..., Path], here: Path
) -> None:
    """One would stand for the other."""
    for place in ("many/a", "many/b"):
        make_experiment(here / place, name="same")
    why = "two experiments are called 'same'; save them in two files, or give them names"
    assert call("baseline", "many", "-o", "base.json").err == [f"judge-panel: error: many: {why}"]


# --- export and junit ----------------------------------------------------------------------------


@pytest.mark.usefixtures("exp")
@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_export_writes_three_tables(call: Callable[..., Called], here: Path, form: str) -> None:
    """Into the directory asked for, which is made."""
    done = call("export", "exp", "--to", form, "-o", "out/tables")
    assert (done.status, done.out) == (
        0,
        [
            f"out/tables/runs.{form}: 3 rows",
            f"out/tables/judgments.{form}: 8 rows",
            f"out/tables/criteria.{form}: 0 rows",
        ],
    )
    lines = (here / "out" / "tables" / f"runs.{form}").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 3 + (form == "csv")


def test_export_without_pyarrow_writes_nothing(
    call: Callable[..., Called], exp: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One message names the extra."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    done = call("export", str(exp), "--to", "parquet", "-o", "out")
    remedy = "install it with: pip install 'pytest-judge-panel[parquet]'"
    assert (done.status, done.err) == (
        2,
        [f"judge-panel: error: Parquet needs the package pyarrow; {remedy}"],
    )
    assert not (here / "out").exists()


@pytest.mark.usefixtures("exp")
def test_junit_writes_all_slots(call: Callable[..., Called], here: Path) -> None:
    """As they stand, with the failed one."""
    done = call("junit", "exp", "-o", "slots.xml")
    assert (done.status, done.out) == (0, ["slots.xml: 6 slots"])
    assert 'failures="1" skipped="1" tests="6"' in (here / "slots.xml").read_text(encoding="utf-8")
