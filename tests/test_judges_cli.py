"""How the command-line programs are called: what they see, what they do not, what is kept."""

from __future__ import annotations

import json
import sys
import tempfile
import tomllib
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

import harness
from harness.errors import ExperimentError, JudgeError, NotStartedError
from harness.judges import build
from harness.judges.cli import Printed, counts, number, objects, unmarked
from harness.layouts import open_experiment
from harness.model import JudgeSpec
from tests.workshop import VERDICT, script, write_experiment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from harness import Statistics

PYTHON = sys.executable

# Keeps what it was given, then answers in the shape of the program whose place it takes.
FAKE_PROGRAM = """\
#!{python}
import json, os, pathlib, re, sys

if sys.argv[1:] == ["--version"]:
    print("{version} (fake)")
    raise SystemExit
prompt = sys.stdin.read()
kept = pathlib.Path("{kept}")
calls = len(list(kept.iterdir()))
files = {{}}
for argument in sys.argv[1:]:
    if argument.startswith("/") and os.path.isfile(argument):
        files[argument.rpartition("/")[2]] = pathlib.Path(argument).read_text()
seen = {{
    "argv": sys.argv[1:], "environment": dict(os.environ), "cwd": os.getcwd(),
    "there": os.listdir(), "prompt": prompt, "files": files,
    "home": sorted(str(p.relative_to(os.environ["HOME"])) for p in
                   pathlib.Path(os.environ["HOME"]).rglob("*")),
}}
(kept / str(calls)).write_text(json.dumps(seen))
token = re.findall(r'"token": (\\w+)', prompt)[-1]
verdict = json.dumps({{**{verdict}, "token": token}})
answers = {answers}
print(answers[min(calls, len(answers) - 1)].replace("VERDICT", json.dumps(verdict)[1:-1])
      .replace("PLAIN", verdict))
{after}
"""

ENVELOPES = {
    "claude": '{"type": "result", "is_error": false, "result": "VERDICT"}',
    "codex": (
        '{"type": "item.completed", "item": {"type": "agent_message", "text": "VERDICT"}}\n'
        '{"type": "turn.completed", "usage": {"input_tokens": 1000, "output_tokens": 100}}'
    ),
    "gemini": (
        '{"response": "VERDICT", "stats": {"models": {"g": {"tokens": '
        '{"prompt": 1000, "candidates": 60, "thoughts": 40}}}}}'
    ),
    "llm": "PLAIN",
}

KEYS = {
    "claude": ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"),
    "codex": ("CODEX_API_KEY", "CODEX_HOME", "OPENAI_API_KEY"),
    "gemini": ("GEMINI_API_KEY", "GOOGLE_GEMINI_BASE_URL"),
    "llm": ("ANTHROPIC_API_KEY", "GEMINI_API_KEY", "LLM_USER_PATH", "OPENAI_API_KEY"),
}

kinds = pytest.mark.parametrize("kind", sorted(ENVELOPES))


class FakeCli:
    """Puts a program of a given name on PATH, and reads what its calls have kept."""

    def __init__(self, place: Path) -> None:
        self.programs = place / "programs"
        self.kept = place / "kept"
        self.programs.mkdir()
        self.kept.mkdir()

    def install(
        self, name: str, *answers: str, version: str = "1.2.3", after: str = "", score: float = 0.75
    ) -> None:
        """Make the program give these answers, one a call, the last one again and again."""
        text = FAKE_PROGRAM.format(
            python=PYTHON,
            version=version,
            kept=self.kept,
            verdict=repr({**VERDICT, "score": score}),
            answers=repr(list(answers) or [ENVELOPES[name]]),
            after=after,
        )
        script(self.programs / name, text)

    @property
    def calls(self) -> list[dict[str, Any]]:
        """Return what each call was given, in order."""
        kept = sorted(self.kept.iterdir(), key=lambda path: int(path.name))
        return [json.loads(path.read_text()) for path in kept]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCli:
    """Return an installer of fake programs, with every variable set that one could look for."""
    fake = FakeCli(tmp_path)
    monkeypatch.setenv("PATH", f"{fake.programs}:/usr/bin:/bin")
    # Its directory leads the path that judges get, and may hold a real program of that name.
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    for name in {name for names in KEYS.values() for name in names}:
        monkeypatch.setenv(name, f"value-of-{name}")
    monkeypatch.setenv("CLAUDECODE", "1")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-for-judges")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    return fake


def judge(root: Path, kind: str, *, retries: int = 0, **keys: Any) -> Statistics:
    """Judge a new experiment of one run."""
    entry = {"name": "one", "kind": kind, "model": "m-1", **keys}
    write_experiment(root, judges=[entry], retries=retries)
    return harness.judge_experiment(root)


def stored(root: Path, slot: str = "runs/a/judge/judge_01") -> dict[str, Any]:
    """Return the judgment of a slot."""
    value: dict[str, Any] = json.loads((root / slot / "judgment.json").read_text())
    return value


@kinds
def test_answer_becomes_a_judgment_with_the_programs_version(
    tmp_path: Path, cli: FakeCli, kind: str
) -> None:
    """The text has to carry the token, which stands in the prompt of this call alone."""
    cli.install(kind)
    root = tmp_path / "e"
    statistics = judge(root, kind)
    assert (statistics.failures, statistics.problems) == ({}, [])
    assert stored(root)["score"] == 0.75
    assert stored(root)["provenance"]["judge_version"] == "1.2.3"
    assert len(cli.calls) == 1


@kinds
def test_program_runs_in_an_empty_directory_far_from_the_experiment(
    tmp_path: Path, cli: FakeCli, kind: str
) -> None:
    """It finds nothing there, and its command line names nothing of the experiment."""
    cli.install(kind)
    root = tmp_path / "e"
    judge(root, kind)
    (call,) = cli.calls
    assert call["there"] == []
    assert not call["cwd"].startswith(str(tmp_path))
    assert not any(str(root) in argument for argument in call["argv"])
    assert "The answer of a." in call["prompt"]


@kinds
def test_program_of_a_hostile_agent_is_not_found(
    tmp_path: Path, cli: FakeCli, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Though pytest was started beside it, with a search path that would find it."""
    cli.install(kind)
    root = write_experiment(tmp_path / "e", judges=[{"name": "one", "kind": kind}], retries=0)
    workspace = root / "runs/a/workspace"
    (workspace / "bin").mkdir(parents=True)
    for place in (workspace, workspace / "bin"):
        script(place / kind, f"#!/bin/sh\ntouch {tmp_path}/pwned\n")
    monkeypatch.chdir(workspace)
    monkeypatch.setenv("PATH", f":.:bin:{cli.programs}:/usr/bin:/bin")
    assert harness.judge_experiment(root).failures == {}
    assert not (tmp_path / "pwned").exists()


@kinds
def test_program_sees_the_variables_of_its_kind_and_no_others(
    tmp_path: Path, cli: FakeCli, kind: str
) -> None:
    """Not other providers' keys, and not that it runs inside a test or another program."""
    cli.install(kind)
    judge(tmp_path / "e", kind)
    environment = cli.calls[0]["environment"]
    every = {name for names in KEYS.values() for name in names}
    assert {name for name in every if name in environment} == set(KEYS[kind])
    assert environment["HTTPS_PROXY"] == "http://127.0.0.1:9"
    assert "AWS_SECRET_ACCESS_KEY" not in environment
    assert not any(n == "CLAUDECODE" or n.startswith("PYTEST_") for n in environment)


@kinds
def test_variable_that_the_configuration_names_is_passed_on(
    tmp_path: Path, cli: FakeCli, kind: str
) -> None:
    """What marks the inside of a test is not, even then."""
    cli.install(kind)
    names = ["AWS_SECRET_ACCESS_KEY", "CLAUDECODE", "PYTEST_CURRENT_TEST"]
    judge(tmp_path / "e", kind, env=names)
    environment = cli.calls[0]["environment"]
    assert [name for name in names if name in environment] == ["AWS_SECRET_ACCESS_KEY"]


def arguments(tmp_path: Path, cli: FakeCli, kind: str, **keys: Any) -> list[str]:
    """Return the command line of a call, paths and schemas shortened to what they are."""
    cli.install(kind)
    judge(tmp_path / "e", kind, **keys)
    shown = []
    for argument in cli.calls[0]["argv"]:
        name = argument.rpartition("/")[2] if argument.startswith("/") else argument
        shown.append("SCHEMA" if name.startswith('{"type"') else name)
    return shown


def test_command_line_of_claude(tmp_path: Path, cli: FakeCli) -> None:
    """No tools, no settings, no servers, no session; the user's flags come last."""
    assert arguments(tmp_path, cli, "claude", args=["--effort", "low"]) == [
        *("-p", "--bare", "--model", "m-1", "--output-format", "stream-json", "--verbose"),
        *("--json-schema", "SCHEMA", "--tools", "", "--strict-mcp-config"),
        *("--setting-sources", "", "--no-session-persistence", "--system-prompt-file"),
        *("system.md", "--effort", "low"),
    ]


def test_command_line_of_codex(tmp_path: Path, cli: FakeCli) -> None:
    """Nothing is kept, nothing of the user's is read; the prompt is what comes on stdin."""
    args = ["-c", 'model_reasoning_effort="low"']
    assert arguments(tmp_path, cli, "codex", args=args) == [
        *("exec", "--json", "--ephemeral", "--skip-git-repo-check", "-s", "read-only"),
        *("-m", "m-1", "--output-schema", "schema.json", *args, "-"),
    ]
    schema = json.loads(cli.calls[0]["files"]["schema.json"])
    assert schema["required"] == ["reasoning", "criteria_scores", "score", "passed", "token"]


def test_command_line_of_gemini(tmp_path: Path, cli: FakeCli) -> None:
    """It has no tools that a mode could allow; with a key it has a home of its own."""
    assert arguments(tmp_path, cli, "gemini", args=["--debug"]) == [
        *("-m", "m-1", "-p"),
        "Do what the text above asks for; reply with the one JSON object that it describes.",
        *("--output-format", "json", "--skip-trust", "--approval-mode", "default", "--debug"),
    ]
    assert cli.calls[0]["home"] == ["settings.json", "system.md", "tmp"]


def test_gemini_without_a_key_uses_the_login_of_the_user(
    tmp_path: Path, cli: FakeCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which lies in the home directory."""
    monkeypatch.delenv("GEMINI_API_KEY")
    cli.install("gemini")
    judge(tmp_path / "e", "gemini")
    assert cli.calls[0]["environment"]["HOME"] == str(tmp_path / "home")


@pytest.mark.parametrize(("schema", "flags"), [(False, []), (True, ["--schema", "schema.json"])])
def test_command_line_of_llm(
    tmp_path: Path, cli: FakeCli, schema: object, flags: list[str]
) -> None:
    """A schema only if the configuration asks for it: not every model can keep to one."""
    found = arguments(tmp_path, cli, "llm", args=["-o", "seed", "1"], schema=schema)
    assert found[:4] == ["prompt", "-m", "m-1", "-s"]
    assert found[5:] == ["--no-stream", "--no-log", "--usage", *flags, "-o", "seed", "1"]


@pytest.mark.parametrize(
    ("login", "there", "own_home"),
    [
        (None, "ANTHROPIC_API_KEY", True),
        ("api_key", "ANTHROPIC_API_KEY", True),
        ("subscription", "CLAUDE_CODE_OAUTH_TOKEN", False),
    ],
)
def test_claude_sees_one_login(  # noqa: PLR0917 - a table
    tmp_path: Path,
    cli: FakeCli,
    monkeypatch: pytest.MonkeyPatch,
    login: str | None,
    there: str,
    own_home: object,
) -> None:
    """A key is never charged where the subscription is meant; with a key the home is its own."""
    monkeypatch.setenv("CLAUDE_CODE_OAUTH_TOKEN", "token-of-a-subscription")
    cli.install("claude")
    keys: dict[str, Any] = {} if login is None else {"login": login}
    judge(tmp_path / "e", "claude", **keys)
    (call,) = cli.calls
    logins = ("ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN")
    assert [name for name in logins if name in call["environment"]] == [there]
    assert ("--bare" in call["argv"]) is own_home
    assert (call["environment"]["HOME"] != str(tmp_path / "home")) is own_home


@pytest.mark.parametrize(
    ("kind", "flag"),
    [
        ("claude", "--dangerously-skip-permissions"),
        ("claude", "--allowed-tools=Bash"),
        ("claude", "--mcp-config"),
        ("codex", "--full-auto"),
        ("codex", "--enable"),
        ("codex", "-s"),
        ("codex", "-sdanger-full-access"),
        ("gemini", "--yolo"),
        ("gemini", "--approvalMode=yolo"),
        ("gemini", "-y"),
        ("llm", "--functions"),
        ("llm", "-Tllm_time"),
    ],
)
def test_flag_that_would_undo_the_isolation_is_refused(
    tmp_path: Path, kind: str, flag: str
) -> None:
    """When the configuration is read, before anything is paid."""
    root = tmp_path / "e"
    with pytest.raises(ExperimentError) as caught:
        judge(root, kind, args=["--x", flag])
    assert str(caught.value) == (
        f"{root}/experiment.yaml: judges[0]: {flag.partition('=')[0]} is not for judges: they "
        "have no tools, no settings of others, and an output that can be read; correct it"
    )


@kinds
def test_flags_are_given_one_by_one(tmp_path: Path, kind: str) -> None:
    """Or one that is refused could hide behind another."""
    root = tmp_path / "e"
    with pytest.raises(ExperimentError) as caught:
        judge(root, kind, args=["-uT"])
    assert str(caught.value) == (
        f"{root}/experiment.yaml: judges[0]: -uT is more than one flag, or a flag and its value: "
        "give them one by one; correct it"
    )


@pytest.mark.parametrize(
    "args",
    [
        ["-c", "sandbox_mode=danger-full-access"],
        ["--config", "features.shell_tool=true"],
        ["--config=mcp_servers.x.command=touch"],
        ["-c", "model_instructions_file=/etc/passwd"],
        ["-c"],
    ],
)
def test_codex_is_configured_only_in_how_its_model_answers(tmp_path: Path, args: list[str]) -> None:
    """Tools, servers, and instructions are not for the configuration of an experiment."""
    root = tmp_path / "e"
    with pytest.raises(ExperimentError) as caught:
        judge(root, "codex", args=args)
    key = args[-1].removeprefix("--config=").partition("=")[0] if args != ["-c"] else ""
    assert str(caught.value) == (
        f"{root}/experiment.yaml: judges[0]: -c {key} is not for judges: they have no tools and "
        "no settings of others; only how the model answers can be set (model_*, service_tier, "
        "...); correct it"
    )


def test_codex_is_configured_in_a_home_of_its_own(
    tmp_path: Path, cli: FakeCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without tools and retries; an address, which may hold a password, is in no argument."""
    monkeypatch.setenv("OPENAI_BASE_URL", "http://me:\u00fcber@127.0.0.1:9/v1")
    after = (
        "print(pathlib.Path(os.environ['CODEX_HOME'], 'config.toml').read_text(), file=sys.stderr)"
    )
    cli.install("codex", after=after)
    root = tmp_path / "e"
    assert judge(root, "codex").failures == {}
    (kept,) = root.glob("runs/a/judge/judge_01/attempts/*/stderr")
    config = tomllib.loads(kept.read_text())
    assert config["model_providers"]["harness"] == {
        "name": "harness",
        "wire_api": "responses",
        "request_max_retries": 0,
        "stream_max_retries": 0,
        "env_key": "CODEX_API_KEY",
        "base_url": "http://me:\u00fcber@127.0.0.1:9/v1",
    }
    assert not any(config["features"].values())
    (call,) = cli.calls
    assert not any("127.0.0.1" in argument for argument in call["argv"])
    assert call["environment"]["CODEX_HOME"].startswith(call["environment"]["HOME"])


@pytest.mark.parametrize(
    ("keys", "login", "provider", "linked"),
    [
        (("CODEX_API_KEY", "OPENAI_API_KEY"), True, {"env_key": "CODEX_API_KEY"}, False),
        (("OPENAI_API_KEY",), True, {"requires_openai_auth": True}, True),
        (("OPENAI_API_KEY",), False, {"env_key": "OPENAI_API_KEY"}, False),
        ((), False, {"requires_openai_auth": True}, False),
    ],
)
def test_codex_is_paid_by_its_own_key_else_by_the_login_else_by_a_key(  # noqa: PLR0917 - a table
    tmp_path: Path,
    cli: FakeCli,
    monkeypatch: pytest.MonkeyPatch,
    keys: tuple[str, ...],
    login: bool,  # noqa: FBT001 - a parameter
    provider: dict[str, object],
    linked: bool,  # noqa: FBT001 - a parameter
) -> None:
    """A login is renewed in the place where it lies; nothing else of that place is seen."""
    for name in ("CODEX_API_KEY", "OPENAI_API_KEY"):
        if name not in keys:
            monkeypatch.delenv(name)
    monkeypatch.delenv("CODEX_HOME")
    theirs = tmp_path / "home/.codex"
    theirs.mkdir()
    (theirs / "AGENTS.md").write_text("mine")
    if login:
        (theirs / "auth.json").write_text("{}")
    after = (
        "own = pathlib.Path(os.environ['CODEX_HOME'])"
        "\nfiles = sorted(p.name for p in own.iterdir())"
        "\nif (own / 'auth.json').exists(): (own / 'auth.json').write_text('renewed')"
        "\nprint('#', files, file=sys.stderr)"
        "\nprint((own / 'config.toml').read_text(), file=sys.stderr)"
    )
    cli.install("codex", after=after)
    root = tmp_path / "e"
    assert judge(root, "codex").failures == {}
    (kept,) = root.glob("runs/a/judge/judge_01/attempts/*/stderr")
    files = ["auth.json", "config.toml"] if linked else ["config.toml"]
    assert kept.read_text().splitlines()[0] == f"# {files}"
    found = tomllib.loads(kept.read_text())["model_providers"]["harness"]
    assert {key: found[key] for key in found if "key" in key or "auth" in key} == provider
    if login:
        assert (theirs / "auth.json").read_text() == ("renewed" if linked else "{}")


def test_gemini_finds_no_file_with_variables_above_where_it_runs(
    tmp_path: Path, cli: FakeCli
) -> None:
    """It takes the first that it finds, and the first is empty; its settings are the strongest."""
    after = (
        "print((pathlib.Path.cwd().parent / '.gemini/.env').read_text() == '', file=sys.stderr)"
        "\nprint(open(os.environ['GEMINI_CLI_SYSTEM_SETTINGS_PATH']).read(), file=sys.stderr)"
    )
    cli.install("gemini", after=after)
    root = tmp_path / "e"
    assert judge(root, "gemini").failures == {}
    (kept,) = root.glob("runs/a/judge/judge_01/attempts/*/stderr")
    empty, settings = kept.read_text().splitlines()
    assert empty == "True"
    found = json.loads(settings)
    assert found["tools"] == {"callCommand": "", "core": [], "discoveryCommand": ""}
    assert (found["general"]["maxAttempts"], found["hooksConfig"]) == (1, {"enabled": False})


def test_llm_gets_a_plugin_of_ours_in_a_place_of_its_own(tmp_path: Path, cli: FakeCli) -> None:
    """Found as any other of its plugins is."""
    after = (
        "from importlib.metadata import entry_points; "
        "print([p.value for p in entry_points(group='llm') if 'harness' in p.name], "
        "file=sys.stderr)"
    )
    cli.install("llm", after=after)
    root = tmp_path / "e"
    assert judge(root, "llm").failures == {}
    (kept,) = root.glob("runs/a/judge/judge_01/attempts/*/stderr")
    assert kept.read_text() == "['harness_llm_plugin']\n"


@kinds
def test_what_a_program_leaves_behind_is_removed(
    tmp_path: Path, cli: FakeCli, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Reports of a crash, for example, which may hold the prompt."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    cli.install(kind, after="import tempfile; open(tempfile.mkstemp()[1], 'w').write(prompt)")
    assert judge(tmp_path / "e", kind).failures == {}
    assert list((tmp_path / "tmp").iterdir()) == []
    assert cli.calls[0]["environment"]["TMPDIR"].startswith(str(tmp_path / "tmp"))


def test_version_of_a_program_that_goes_away_meanwhile_is_unknown(
    tmp_path: Path, cli: FakeCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An update replaces it at this very moment."""
    del cli
    monkeypatch.setattr("harness.judges.versions.shutil.which", lambda *_, **__: tmp_path / "gone")
    judge_of: Any = build(JudgeSpec(number=1, name="one", kind="codex"))
    assert judge_of.version({"PATH": "/usr/bin:/bin"}) is None


def test_program_that_goes_away_before_it_is_asked_costs_nothing(
    tmp_path: Path, cli: FakeCli
) -> None:
    """It was there when the session began; the slot's failure names it."""
    cli.install("codex")
    question: Any = SimpleNamespace(scratch=tmp_path / "scratch", env={"PATH": str(tmp_path)})
    question.scratch.mkdir()
    judge_of = build(JudgeSpec(number=1, name="one", kind="codex"))
    with pytest.raises(NotStartedError) as caught:
        judge_of.ask(question)
    assert str(caught.value) == (
        "judge 01 one: there is no program 'codex'; install it or put it on PATH"
    )
    assert cli.calls == []


@pytest.mark.parametrize("kind", ["claude", "codex", "gemini"])
@pytest.mark.parametrize(
    ("capped", "why"),
    [
        (True, "the judge wrote more than 10 MiB and was ended"),
        (False, "the judge ended without an answer"),
    ],
)
def test_output_that_was_cut_or_has_vanished_is_no_answer(
    tmp_path: Path, kind: str, why: str, *, capped: bool
) -> None:
    """Nothing is made of a part of it."""
    finished: Any = SimpleNamespace(exit_code=0, timed_out=False, capped=capped)
    question: Any = SimpleNamespace(stdout=tmp_path / "stdout", stderr=tmp_path / "stderr")
    reader: Any = build(JudgeSpec(number=1, name="one", kind=kind))
    with pytest.raises(JudgeError) as caught:
        reader.reply_of(finished, question)
    assert str(caught.value) == why


@kinds
def test_program_that_is_not_there_is_named(tmp_path: Path, cli: FakeCli, kind: str) -> None:
    """Nothing is paid."""
    assert list(cli.programs.iterdir()) == []
    root = tmp_path / "e"
    with pytest.raises(ExperimentError) as caught:
        judge(root, kind)
    assert str(caught.value) == (
        f"{root}/experiment.yaml: judge 01 one: there is no program {kind!r}; install it or put "
        "it on PATH"
    )
    assert list(root.rglob("attempts")) == []


@kinds
def test_cost_comes_from_the_configured_price_where_the_program_tells_none(
    tmp_path: Path, cli: FakeCli, kind: str
) -> None:
    """With the tokens that it tells; without them it is unknown."""
    cli.install(kind, after="print('Token usage: 1,000 input, 100 output', file=sys.stderr)")
    root = tmp_path / "e"
    statistics = judge(root, kind, price={"input": 5, "output": 25})
    expected = None if kind == "claude" else pytest.approx(0.0075)
    assert stored(root)["provenance"]["cost_usd"] == expected
    assert statistics.calls.cost_usd == expected


@kinds
def test_unknown_price_stays_unknown(tmp_path: Path, cli: FakeCli, kind: str) -> None:
    """It is null, not 0."""
    cli.install(kind)
    root = tmp_path / "e"
    judge(root, kind)
    assert stored(root)["provenance"]["cost_usd"] is None


@kinds
def test_judge_is_reminded_of_what_was_wrong(tmp_path: Path, cli: FakeCli, kind: str) -> None:
    """Once; both replies are kept, and the session says so."""
    bad = ENVELOPES[kind].replace("VERDICT", "I cannot say.").replace("PLAIN", "I cannot say.")
    cli.install(kind, bad, ENVELOPES[kind])
    root = tmp_path / "e"
    statistics = judge(root, kind, retries=1)
    first, second = cli.calls
    wrong = "the reply has no JSON object with score, passed, reasoning that repeats the token"
    reminder = (
        f"\nYou were asked this before, and your answer could not be used: {wrong}.\n"
        "Reply with one JSON object as described above, complete, and nothing after it.\n"
    )
    assert (first["prompt"].count(reminder), second["prompt"].count(reminder)) == (0, 1)
    kept = sorted(root.glob("runs/a/judge/judge_01/attempts/*/stdout"))
    assert ["I cannot say." in path.read_text() for path in kept] == [True, False]
    assert statistics.problems == [
        f"runs/a/judge_01: asked 2 times; before: {wrong}; it is kept in {kept[0]}"
    ]
    assert statistics.calls.paid == 2


@kinds
def test_end_without_an_answer_is_told_with_all_attempts(
    tmp_path: Path, cli: FakeCli, kind: str
) -> None:
    """What came of all of them is said once where it is the same."""
    cli.install(kind, "" if kind == "llm" else "{}")
    root = tmp_path / "e"
    statistics = judge(root, kind, retries=1)
    (why,) = statistics.failures.values()
    assert len(cli.calls) == 2
    kept = sorted(root.glob("runs/a/judge/judge_01/attempts/*/stdout"))
    said, where = (
        ("the reply is empty", "it is kept in")
        if kind == "llm"
        else ("the judge ended without an answer", "what it wrote is kept in")
    )
    assert why == f"{said}; {where} {kept[1]} (asked 2 times, each time with this end)"
    assert f"could not be used: {said}." in cli.calls[1]["prompt"]


@pytest.mark.parametrize("kind", ["claude", "codex", "gemini"])
def test_whole_answer_of_a_program_that_then_hangs_counts(
    tmp_path: Path, cli: FakeCli, kind: str
) -> None:
    """It was paid, and its own output says that nothing is missing."""
    cli.install(kind, after="sys.stdout.flush(); import time; time.sleep(60)")
    root = tmp_path / "e"
    assert judge(root, kind, timeout=1).failures == {}
    assert stored(root)["score"] == 0.75


@kinds
def test_bad_end_is_told_with_the_last_line_of_stderr(
    tmp_path: Path, cli: FakeCli, kind: str
) -> None:
    """An exit status that nobody knows is the slot's failure."""
    cli.install(kind, "", after="print('no idea why', file=sys.stderr); sys.exit(7)")
    (why,) = judge(tmp_path / "e", kind).failures.values()
    expected = "the judge ended with exit status 7: no idea why"
    if kind == "codex":
        expected = "the call was refused: no idea why"
    assert why.partition("; what it wrote")[0] == expected


def test_version_that_changes_inside_a_run_is_told(tmp_path: Path, cli: FakeCli) -> None:
    """The judgments of one run should be comparable."""
    root = tmp_path / "e"
    panel = [{"name": name, "kind": "codex"} for name in ("one", "two")]
    write_experiment(root, judges=panel, retries=0)
    cli.install("codex")
    assert harness.judge_experiment(root).problems == []
    (root / "runs/a/judge/judge_02/judgment.json").unlink()
    for attempt in (root / "runs/a/judge/judge_02/attempts").iterdir():
        (attempt / "exit.json").unlink()
        (attempt / "intent.json").unlink()
    cli.install("codex", version="1.3.0")
    assert harness.judge_experiment(root).problems == [
        "runs/a/judge_02: judged by codex 1.3.0, judge_01 by 1.2.3"
    ]


def test_version_is_asked_once_while_the_program_is_the_same(
    tmp_path: Path, cli: FakeCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading it costs no call, and next to nothing after the first time."""
    cli.install("codex")
    judge_of = build(JudgeSpec(number=1, name="one", kind="codex"))
    version: Any = judge_of.version  # type: ignore[attr-defined] # this kind has one
    environment = {"PATH": f"{cli.programs}:/usr/bin:/bin"}
    assert version(environment) == "1.2.3"
    monkeypatch.setattr("harness.judges.versions.subprocess.run", None)
    assert version(environment) == "1.2.3"
    assert version({"PATH": str(tmp_path)}) is None
    assert cli.calls == []


@pytest.mark.parametrize(
    "text",
    [
        "#!/bin/sh\nexit 3\n",
        "#!/bin/sh\necho none\n",
        "#!/bin/sh\nprintf '\\377'\n",
        "#!/gone/python\nprint('1.2.3')\n",
    ],
)
def test_version_that_cannot_be_read_is_unknown(tmp_path: Path, cli: FakeCli, text: str) -> None:
    """It is no reason not to ask."""
    script(cli.programs / "codex", text)
    judge_of: Any = build(JudgeSpec(number=1, name="one", kind="codex"))
    assert judge_of.version({"PATH": f"{cli.programs}:{tmp_path}:/usr/bin:/bin"}) is None


def test_login_changes_no_fingerprint_and_flags_do(tmp_path: Path) -> None:
    """Who pays does not change what is answered."""

    def fingerprint(**keys: Any) -> str:
        root = tmp_path / str(len(list(tmp_path.iterdir())))
        write_experiment(root, judges=[{"name": "one", "kind": "claude", **keys}])
        return open_experiment(root).experiment.panel[0].sha256

    plain = fingerprint()
    assert fingerprint(login="subscription") == plain
    assert fingerprint(args=["--effort", "low"]) != plain


def test_judge_of_a_projectscylla_experiment_is_claude_by_default(
    tmp_path: Path, cli: FakeCli, make_scylla: Callable[..., Path]
) -> None:
    """It gets the run's own prompt as it is; an entry that says the same changes nothing."""
    root = make_scylla(
        tmp_path / "s", models=["m-1"], judgments={"T0/00/run_01/judge_01": None}, replay=False
    )
    spec = open_experiment(root).experiment.panel[0]
    cli.install("claude")
    assert harness.judge_experiment(root).failures == {}
    (call,) = cli.calls
    assert call["prompt"].startswith("Grade this answer: It is done.\n\nRepeat this token in")
    assert call["argv"][:4] == ["-p", "--bare", "--model", "m-1"]
    assert stored(root, "T0/00/run_01/judge/judge_01")["score"] == 0.75
    entry = {"name": "m-1", "kind": "claude", "model": "m-1", "login": "api_key"}
    overrides = {"layout": "scylla", "judges": [entry]}
    (root / "experiment.yaml").write_text(json.dumps(overrides))
    assert open_experiment(root).experiment.panel[0].sha256 == spec.sha256


def test_marks_of_another_program_are_taken_out() -> None:
    """A judge behaves as if nobody had started it from inside anything."""
    environment = {"CLAUDECODE": "1", "PYTEST_X": "1", "PATH": "/bin", "MY_PYTEST_": "1"}
    assert unmarked(environment) == {"PATH": "/bin", "MY_PYTEST_": "1"}


def test_objects_are_whole_lines() -> None:
    """What stands inside another line is a part of that."""
    text = 'x\n{"a": 1}\n  {"b": 2}\n[1]\n{"c": NaN}\n{"d": {"e": 1}\n"{}"\n'
    assert objects(text) == [{"a": 1}, {"b": 2}]


@pytest.mark.parametrize(
    ("value", "known"),
    [
        (1, 1.0),
        (0.5, 0.5),
        (0, 0.0),
        (True, None),
        ("1", None),
        (-1, None),
        (None, None),
        (1e300, None),
    ],
)
def test_figure_is_a_number_that_can_be_meant(value: object, known: float | None) -> None:
    """Anything else is unknown."""
    assert number(value) == known


@pytest.mark.parametrize(
    ("usage", "known"),
    [
        ({"a": 1, "b": 2, "c": 3}, {"input": 3, "output": 3}),
        ({"a": 1}, {"input": 1}),
        ({"a": "x"}, None),
        ({}, None),
        (None, None),
        ([1], None),
    ],
)
def test_counts_are_sums_of_what_is_known(usage: Mapping[str, Any], known: object) -> None:
    """A count of which nothing is known is left out."""
    assert counts(usage, input=("a", "b"), output=("c",)) == known


def test_last_line_of_stderr_is_short() -> None:
    """One line of a report."""
    printed = Printed(stdout="", stderr="one\n" + "x" * 1000 + "\n\n", exit_code=1)
    assert printed.last_line == "x" * 300
    assert not Printed(stdout="", stderr=" \n", exit_code=1).last_line
