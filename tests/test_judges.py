"""The kinds of judges, each asked through a whole attempt, and the registry that finds them."""

from __future__ import annotations

import json
import sys
import types
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

import harness
from harness import judges, offered
from harness.errors import ExperimentError, JudgeError
from harness.judges.command import fill
from harness.model import JudgeSpec
from tests.workshop import VERDICT, answer, scanned, script, shell_judge, write_experiment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def ask(root: Path, *entries: dict[str, Any], **keys: Any) -> harness.Statistics:
    """Judge a new experiment with the given panel and no second try."""
    write_experiment(root, judges=entries, **{"retries": 0, **keys})
    return harness.judge_experiment(root)


def failure(root: Path, *entries: dict[str, Any], **keys: Any) -> str:
    """Return why the only slot failed."""
    statistics = ask(root, *entries, **keys)
    assert statistics.judged == 0
    (why,) = statistics.failures.values()
    return why


def kept(root: Path) -> str:
    """Return how a failure says where the reply of the only attempt is."""
    (attempt,) = root.glob("runs/a/judge/judge_01/attempts/*")
    return f"; what it wrote is kept in {attempt}/stdout"


def command(*argv: str, **keys: Any) -> dict[str, Any]:
    """Return the configuration of a command judge."""
    return {"name": "one", "kind": "command", "argv": list(argv), **keys}


def stored(root: Path) -> dict[str, Any]:
    """Return the judgment of the only slot."""
    value: dict[str, Any] = json.loads((root / "runs/a/judge/judge_01/judgment.json").read_text())
    return value


# --- command --------------------------------------------------------------------------------------

ECHO = """\
#!/bin/sh
cat >/dev/null
words=$(printf '%s|' "$@")
printf '{"score": 0.5, "passed": true, "reasoning": "%s"}' "$words"
"""


def test_placeholders_are_replaced_whole_or_inside_an_argument(tmp_path: Path) -> None:
    """All names are filled in, in one pass; other braces are literal."""
    judge = script(tmp_path / "echo.sh", ECHO)
    root = tmp_path / "e"
    names = ["{model}", "{experiment}", "{run}", "{run_dir}", "{slot}", "{prompt_file}"]
    argv = [*names, "--model={model}", "{other}", "{}", "{{model}}"]
    assert ask(root, command(str(judge), *argv, model="m-1")).failures == {}
    assert stored(root)["reasoning"].split("|")[:-1] == [
        "m-1",
        str(root),
        "runs/a",
        f"{root}/runs/a",
        "judge_01",
        f"{root}/runs/a/judge_prompt.md",
        "--model=m-1",
        "{other}",
        "{}",
        "{m-1}",
    ]


def filled(root: Path, argv: tuple[str, ...], *, model: str) -> list[str]:
    """Fill in an argv for a judge whose model did not come through a checked configuration."""
    found = scanned(write_experiment(root))
    slot = replace(found.slots[0], judge=replace(found.slots[0].judge, model=model))
    question = types.SimpleNamespace(
        slot=slot, experiment=found.layout.experiment, prompt_file=root / "prompt"
    )
    return fill(argv, question)  # type: ignore[arg-type] # all that is looked at


@pytest.mark.parametrize("model", ["-rf", "a\nb", "a\x1b[0m"])
def test_value_that_could_be_an_option_or_steer_a_terminal_is_refused(
    tmp_path: Path, model: str
) -> None:
    """No control character and no leading dash goes into a command line."""
    with pytest.raises(ExperimentError) as caught:
        filled(tmp_path, ("true", "{model}"), model=model)
    assert str(caught.value) == (
        f"{tmp_path}/experiment.yaml: judges[0].argv: {{model}} is {model!r}; "
        "no control characters and no leading '-' may go into a command line"
    )


def test_what_is_put_in_is_not_looked_at_again(tmp_path: Path) -> None:
    """A model that looks like a placeholder stays as it is, and so do shell's characters."""
    argv = ("{model}", "x{model}{run}")
    assert filled(tmp_path, argv, model="{run} $(id)") == ["{run} $(id)", "x{run} $(id)runs/a"]


def test_placeholder_without_a_value_is_refused(tmp_path: Path) -> None:
    """A judge that has no model cannot be asked to name it."""
    root = tmp_path / "e"
    assert failure(root, command("true", "{model}")) == (
        f"{root}/experiment.yaml: judges[0].argv: uses {{model}}, but the judge has no model; "
        "add one"
    )


def test_missing_program_is_named(tmp_path: Path) -> None:
    """The message says which program, where it is configured, and what to do."""
    root = tmp_path / "e"
    assert failure(root, command("no-such-program")) == (
        f"{root}/experiment.yaml: judges[0].argv: there is no program 'no-such-program'; "
        "install it or correct argv"
    )


@pytest.mark.parametrize(
    ("text", "mode", "why"),
    [
        ("#!/bin/sh\n", 0o644, "'./judge' is not executable; run chmod +x on it or correct argv"),
        (
            "#!/gone/python3\n",
            0o755,
            (
                "'./judge' needs the interpreter '/gone/python3', which is not there; "
                "install it or correct the first line of the program"
            ),
        ),
        (
            "import sys\n",
            0o755,
            (
                "'{root}/judge' does not say what runs it; "
                "begin it with a line such as #!/usr/bin/env python3"
            ),
        ),
        (None, 0o755, "'./judge' is a directory; correct argv"),
    ],
)
def test_program_that_cannot_be_started_says_why(
    tmp_path: Path, text: str | None, mode: int, why: str
) -> None:
    """Nobody has to guess from an exit status of 126 or 127."""
    root = tmp_path / "e"
    root.mkdir()
    if text is None:
        (root / "judge").mkdir()
    else:
        (root / "judge").write_text(text)
        (root / "judge").chmod(mode)
    assert failure(root, command("./judge")) == (
        f"{root}/experiment.yaml: judges[0].argv: {why.format(root=root)}"
    )


def test_program_beside_the_experiment_is_found(tmp_path: Path) -> None:
    """A path with a slash is taken from the experiment, though the judge runs elsewhere."""
    root = tmp_path / "e"
    root.mkdir()
    script(root / "judge.sh", ECHO)
    assert ask(root, command("./judge.sh")).failures == {}


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("exit 3", "the judge ended with exit status 3"),
        ("echo first >&2; echo last >&2; exit 1", "the judge ended with exit status 1: last"),
        ("kill -9 $$", "the judge ended with signal 9"),
    ],
)
def test_bad_end_is_told_with_the_last_line_of_stderr(tmp_path: Path, body: str, why: str) -> None:
    """What the judge printed on stdout does not matter then."""
    root = tmp_path / "e"
    assert failure(root, shell_judge(f"{answer()}; {body}")) == why + kept(root)


@pytest.mark.parametrize("argv", [[], [""]])
def test_command_without_a_program_is_refused(tmp_path: Path, argv: list[str]) -> None:
    """The message says where the program is to be named."""
    root = tmp_path / "e"
    assert failure(root, command(*argv)) == (
        f"{root}/experiment.yaml: judges[0].argv: is empty; name a program"
    )


def test_reply_that_vanishes_is_no_reply(tmp_path: Path) -> None:
    """Somebody cleans up while the judge works: what it wrote is not taken for empty."""
    body = 'cat >/dev/null; rm "$0"/judge/judge_01/attempts/*/stdout'
    judge = {"name": "one", "kind": "command", "argv": ["sh", "-c", body, "{run_dir}"]}
    assert failure(tmp_path / "e", judge) == "the judge's stdout has vanished"


def test_bad_end_without_a_word_is_told_as_it_is(tmp_path: Path) -> None:
    """Where stderr cannot be read, the exit status has to do."""
    body = 'cat >/dev/null; rm "$0"/judge/judge_01/attempts/*/stderr; exit 3'
    judge = {"name": "one", "kind": "command", "argv": ["sh", "-c", body, "{run_dir}"]}
    assert failure(tmp_path / "e", judge) == "the judge ended with exit status 3"


def test_judge_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    """The message names the limit; the draft on stdout is no reply."""
    entry = {**shell_judge(f"{answer()}; sleep 30"), "timeout": 0.3}
    root = tmp_path / "e"
    why = "the judge took longer than 0.3 s and was ended"
    assert failure(root, entry) == why + kept(root)


def test_reply_that_is_not_text_is_refused(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 are no reply."""
    root = tmp_path / "e"
    why = failure(root, shell_judge("printf '\\377'"))
    assert why == "the judge's stdout is not UTF-8 (byte 0)" + kept(root)


def test_judge_runs_in_an_empty_directory_with_a_clean_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the workspace nor a secret is in sight; the names in env are passed on."""
    monkeypatch.setenv("SOME_SECRET", "s")
    monkeypatch.setenv("WANTED", "w")
    body = (
        "cat >/dev/null; n=$(ls -A | wc -l); "
        'printf \'{"score": 1, "passed": true, "reasoning": "%s %s %s"}\' '
        '"$n" "${SOME_SECRET-none}" "$WANTED"'
    )
    root = tmp_path / "e"
    ask(root, {**shell_judge(body), "env": ["WANTED"]})
    assert stored(root)["reasoning"] == "0 none w"


# --- python ---------------------------------------------------------------------------------------

FUNCTIONS = """
import sys

def mapping(prompt, paths):
    print("noise")
    seen = f"{'The answer of a.' in prompt} {paths.output.name}"
    return {"score": 0.5, "passed": True, "reasoning": seen}

def text(prompt, paths):
    return 'I say {"score": 0.25, "passed": false, "reasoning": ""}'

def wrong(prompt, paths):
    return 0.5

def raises(prompt, paths):
    raise LookupError("not today")

value = 3
"""


def call(root: Path, name: str) -> dict[str, Any]:
    """Write the user's module beside the experiment; return a judge that calls it."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "grading.py").write_text(FUNCTIONS)
    return {"name": "one", "kind": "python", "call": f"grading:{name}"}


def test_function_may_return_a_mapping_and_print(tmp_path: Path) -> None:
    """The mapping is the reply; what the function prints is kept as stderr."""
    root = tmp_path / "e"
    assert ask(root, call(root, "mapping")).failures == {}
    assert (stored(root)["score"], stored(root)["reasoning"]) == (0.5, "True output.md")
    (stderr,) = root.glob("runs/a/judge/judge_01/attempts/*/stderr")
    assert stderr.read_text() == "noise\n"


def test_function_may_return_text(tmp_path: Path) -> None:
    """Text is parsed like any other judge's."""
    root = tmp_path / "e"
    ask(root, call(root, "text"))
    assert stored(root)["score"] == 0.25


@pytest.mark.parametrize(
    ("name", "last"),
    [
        ("wrong", "TypeError: grading:wrong must return text or a mapping, got float"),
        ("raises", "LookupError: not today"),
        ("value", "TypeError: grading:value is not callable"),
        ("absent", "AttributeError: module 'grading' has no attribute 'absent'"),
    ],
)
def test_function_that_goes_wrong_is_told_in_one_line(tmp_path: Path, name: str, last: str) -> None:
    """The last line of the traceback is the reason; the whole is kept as stderr."""
    root = tmp_path / "e"
    assert failure(root, call(root, name)) == f"the judge ended with exit status 1: {last}"


@pytest.mark.parametrize("name", ["grading", "grading:", ":judge", "grading.py:", "a b:c", "1:2"])
def test_call_that_names_no_function_is_refused_in_words(tmp_path: Path, name: str) -> None:
    """The message shows by an example what is meant."""
    root = write_experiment(
        tmp_path / "e", judges=[{"name": "one", "kind": "python", "call": name}]
    )
    with pytest.raises(ExperimentError) as caught:
        harness.judge_experiment(root)
    assert str(caught.value) == (
        f"{root}/experiment.yaml: judges[0]: call must name a module and a function in it, "
        "such as my_judges.style:grade; correct it"
    )


# --- replay ---------------------------------------------------------------------------------------


def replay(path: str) -> dict[str, Any]:
    """Return the configuration of a judge that reads a recorded reply."""
    return {"name": "one", "kind": "replay", "reply": path}


def test_recorded_reply_is_the_answer(tmp_path: Path) -> None:
    """The path is relative to the experiment, with placeholders."""
    root = tmp_path / "e"
    (root / "recorded/runs/a").mkdir(parents=True)
    (root / "recorded/runs/a/judge_01.txt").write_text(json.dumps(VERDICT))
    assert ask(root, replay("recorded/{run}/{slot}.txt")).failures == {}
    assert stored(root)["score"] == 0.75


def test_missing_recording_is_named(tmp_path: Path) -> None:
    """There is no answer, and no score is made up."""
    root = tmp_path / "e"
    assert failure(root, replay("r.txt")) == f"there is no recorded reply {root}/r.txt"


def test_recording_that_is_no_text_is_named(tmp_path: Path) -> None:
    """The message says what stands in its place."""
    root = tmp_path / "e"
    (root / "recorded").mkdir(parents=True)
    assert failure(root, {"name": "one", "kind": "replay", "reply": "recorded"}) == (
        f"the recorded reply {root}/recorded cannot be used (is a directory)"
    )


def test_person_is_asked_by_no_program() -> None:
    """Who tries is told who has to write the judgment."""
    ada = judges.build(JudgeSpec(number=3, name="ada", kind="human"))
    question: Any = types.SimpleNamespace(slot=types.SimpleNamespace(name="runs/a/judge_03"))
    with pytest.raises(JudgeError) as caught:
        ada.ask(question)
    assert str(caught.value) == "judge 03 ada: a person writes the judgment of runs/a/judge_03"


def test_recording_outside_the_experiment_is_refused(tmp_path: Path) -> None:
    """A path that leaves the experiment is an error of its configuration."""
    root = tmp_path / "e"
    assert failure(root, replay("../r.txt")) == (
        f"{root}/experiment.yaml: judges[0].reply: {root}/../r.txt leaves the experiment; "
        f"give a path below {root}"
    )


# --- registry -------------------------------------------------------------------------------------


@pytest.fixture
def another_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Another package that offers a kind of judge, installed for the length of a test."""
    place = tmp_path / "site"
    metadata = place / "coin-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: coin\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[harness.judges]\ncoin = coin_judge:CoinJudge\n")
    (place / "coin_judge.py").write_text(
        "import json\n"
        "from harness.judges import NoSettings\n"
        "class CoinJudge:\n"
        "    Settings = NoSettings\n"
        "    requires_token = False\n"
        "    deterministic = True\n"
        "    def __init__(self, spec): pass\n"
        "    def ask(self, question):\n"
        "        return json.dumps({'score': 1.0, 'passed': True, 'reasoning': 'heads'})\n"
    )
    monkeypatch.syspath_prepend(str(place))
    offered.points.cache_clear()
    judges.find.cache_clear()
    yield
    sys.modules.pop("coin_judge", None)
    offered.points.cache_clear()
    judges.find.cache_clear()


@pytest.mark.usefixtures("another_package")
def test_kind_of_another_package_is_found_and_asked(tmp_path: Path) -> None:
    """An entry point in the group harness.judges is all that a new kind needs."""
    assert judges.names() == [
        "anthropic",
        "checks",
        "claude",
        "codex",
        "coin",
        "command",
        "gemini",
        "human",
        "llm",
        "openai",
        "python",
        "replay",
    ]
    root = tmp_path / "e"
    ask(root, {"name": "one", "kind": "coin"})
    assert (stored(root)["score"], stored(root)["reasoning"]) == (1.0, "heads")


@pytest.mark.usefixtures("another_package")
def test_a_kind_whose_package_does_not_load_is_named(tmp_path: Path) -> None:
    """The message has the file, the judge's entry, and the package's own mistake."""
    (tmp_path / "site" / "coin_judge.py").write_text("import no_such_module\n")
    root = write_experiment(tmp_path / "e", judges=[{"name": "one", "kind": "coin"}])
    with pytest.raises(ExperimentError) as caught:
        harness.judge_experiment(root)
    assert str(caught.value) == (
        f"{root}/experiment.yaml: judges[0].kind: 'coin' of harness.judges cannot be loaded from "
        "coin_judge:CoinJudge (No module named 'no_such_module'); "
        "mend the package that offers it"
    )


@pytest.mark.usefixtures("another_package")
@pytest.mark.parametrize(
    ("module", "why"),
    [
        (
            "class CoinJudge:\n    deterministic = True\n",
            (
                "lacks Settings, a subclass of msgspec.Struct; requires_token, True or False; "
                "ask, a method"
            ),
        ),
        (
            (
                "class CoinJudge:\n"
                "    Settings = 'none'\n"
                "    requires_token = deterministic = False\n"
                "    def ask(self, question): pass\n"
            ),
            "lacks Settings, a subclass of msgspec.Struct",
        ),
        ("CoinJudge = 3\n", "is no class"),
    ],
)
def test_a_kind_without_its_shape_is_named_with_what_it_lacks(
    tmp_path: Path, module: str, why: str
) -> None:
    """The message has the entry point; experiments of other kinds are judged as ever."""
    (tmp_path / "site" / "coin_judge.py").write_text(module)
    root = write_experiment(tmp_path / "e", judges=[{"name": "one", "kind": "coin"}])
    with pytest.raises(ExperimentError) as caught:
        harness.judge_experiment(root)
    assert str(caught.value) == (
        f"{root}/experiment.yaml: judges[0].kind: 'coin' of harness.judges, coin_judge:CoinJudge, "
        f"{why}; mend the package that offers it"
    )
    other = write_experiment(tmp_path / "other", judges=[shell_judge(answer())])
    assert harness.judge_experiment(other).judged == 1


@pytest.mark.usefixtures("another_package")
def test_a_kind_whose_package_fails_in_its_own_way_is_named(tmp_path: Path) -> None:
    """Whatever its module raises, nobody reads a traceback for it."""
    (tmp_path / "site" / "coin_judge.py").write_text("1 / 0\n")
    root = write_experiment(tmp_path / "e", judges=[{"name": "one", "kind": "coin"}])
    with pytest.raises(ExperimentError) as caught:
        harness.judge_experiment(root)
    assert str(caught.value) == (
        f"{root}/experiment.yaml: judges[0].kind: 'coin' of harness.judges cannot be loaded from "
        "coin_judge:CoinJudge (ZeroDivisionError: division by zero); "
        "mend the package that offers it"
    )


def test_unknown_kind_is_refused_with_those_there_are(tmp_path: Path) -> None:
    """A slot whose judge's kind is not installed says what can be done."""
    spec = JudgeSpec(number=2, name="x", kind="claud")
    with pytest.raises(ExperimentError) as caught:
        judges.build(spec)
    kinds = "anthropic, checks, claude, codex, command, gemini, human, llm, openai, python, replay"
    assert str(caught.value) == (
        "judge 02 x: the kind 'claud' is not there; configure the judge in experiment.yaml "
        f"(layout: scylla) with one of: {kinds}"
    )
    root = write_experiment(tmp_path / "e", judges=[{"name": "one", "kind": "claud"}])
    with pytest.raises(ExperimentError):
        harness.judge_experiment(root)
