"""Judges over HTTP against a fake on the loopback: what is sent, kept, counted, and said."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

import harness
from harness.attempt import Bench, judge_slot
from harness.config import panel
from harness.ending import Endings
from harness.errors import (
    ExperimentError,
    Interrupted,
    JudgeError,
    RetryableError,
    ThrottledError,
    TransientError,
    UnusableJudgeError,
)
from harness.exchange import Exchange
from harness.judges import Question, Reply, build, connection, environment_of
from harness.judges.endpoint import close_all
from harness.keys import ExperimentKeys
from harness.layouts import open_experiment
from harness.process import Finished, of_record
from harness.redact import Redactor
from tests.fake_http_api import VERDICT, Answer, Asked, FakeHttpApi, completion, message, refusal
from tests.workshop import RUBRIC, scanned, write_experiment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

pytest.importorskip("httpx", reason="needs the extra http")

KEYS = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY"}

KEY = "one-key-of-a-provider-0123456789"

PATHS = {"openai": "/chat/completions", "anthropic": "/v1/messages"}

kinds = pytest.mark.parametrize("kind", sorted(KEYS))


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Set the keys of both kinds, and leave no connection behind."""
    for name in KEYS.values():
        monkeypatch.setenv(name, KEY)
    yield
    close_all()


def good(kind: str, **changes: Any) -> Answer:
    """Return an answer of a kind's API with a verdict."""
    return completion(**changes) if kind == "openai" else message(**changes)


def entry(kind: str, api: FakeHttpApi | str, **keys: Any) -> dict[str, Any]:
    """Return the configuration of a judge that asks a fake, or an address."""
    url = api if isinstance(api, str) else api.url
    return {"name": "one", "kind": kind, "model": "m-1", "base_url": url, **keys}


def question(root: Path, judge: Mapping[str, Any], environment: Mapping[str, str]) -> Question:
    """Return the question of a first attempt at a new experiment of one run."""
    write_experiment(root, judges=[judge])
    (slot,) = scanned(root).slots
    directory = root / "attempt"
    directory.mkdir()
    stdout, stderr = directory / "stdout", directory / "stderr"
    redactor = Redactor({})
    return Question(
        slot=slot,
        experiment=open_experiment(root).experiment,
        prompt="the prompt",
        prompt_file=directory / "prompt.md",
        output=None,
        workspace=None,
        scratch=directory,
        stdout=stdout,
        stderr=stderr,
        timeout=slot.judge.timeout,
        env=environment,
        launch=NotImplemented,
        exchange=Exchange(endings=Endings(), redactor=redactor, stdout=stdout, stderr=stderr),
    )


def ask(root: Path, judge: Mapping[str, Any], **environment: str) -> Reply:
    """Ask a judge once; by default with its kind's key."""
    asked = question(root, judge, environment or {KEYS[judge["kind"]]: KEY})
    reply = build(asked.slot.judge).ask(asked)
    assert isinstance(reply, Reply)
    return reply


def raised(root: Path, judge: Mapping[str, Any], **environment: str) -> JudgeError:
    """Ask a judge once and return its error."""
    with pytest.raises(JudgeError) as caught:
        ask(root, judge, **environment)
    return caught.value


def echo(asked: Asked) -> Answer:
    """Answer as a model without a schema does: with prose, and the token that it was asked for."""
    token = re.findall(r'"token": (\w+)', asked.body["messages"][1]["content"])[-1]
    return completion(f"I think:\n{json.dumps({**VERDICT, 'token': token})}")


# --- what is sent ----------------------------------------------------------------------------


def test_openai_is_sent_the_prompt_and_the_schema_of_a_reply(tmp_path: Path) -> None:
    """The key is a header; the options stand beside model and messages."""
    with FakeHttpApi(completion()).serving() as api:
        ask(tmp_path / "e", entry("openai", f"{api.url}/v1/", options={"temperature": 0}))
        (asked,) = api.asked
    assert asked.path == "/v1/chat/completions"
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert set(asked.body) == {"model", "messages", "response_format", "temperature"}
    assert asked.body["model"] == "m-1"
    assert [m["role"] for m in asked.body["messages"]] == ["system", "user"]
    assert asked.body["messages"][1]["content"] == "the prompt"
    assert asked.body["response_format"]["type"] == "json_schema"
    named = asked.body["response_format"]["json_schema"]
    assert (named["name"], named["strict"]) == ("judgment", True)
    assert named["schema"]["required"][-3:] == ["score", "passed", "token"]


@pytest.mark.parametrize("suffix", ["", "/", "/v1", "/v1/"])
def test_anthropic_is_sent_the_prompt_and_one_tool(tmp_path: Path, suffix: str) -> None:
    """The model is made to use it; the address may have the version in it."""
    with FakeHttpApi(message()).serving() as api:
        ask(tmp_path / "e", entry("anthropic", api.url + suffix, options={"max_tokens": 99}))
        (asked,) = api.asked
    assert asked.path == "/v1/messages"
    assert asked.headers["x-api-key"] == KEY
    assert asked.headers["anthropic-version"] == "2023-06-01"
    assert "authorization" not in asked.headers
    assert asked.body["max_tokens"] == 99
    assert asked.body["messages"] == [{"role": "user", "content": "the prompt"}]
    (tool,) = asked.body["tools"]
    assert tool["input_schema"]["required"][-3:] == ["score", "passed", "token"]
    choice = {"type": "tool", "name": tool["name"], "disable_parallel_tool_use": True}
    assert asked.body["tool_choice"] == choice


@pytest.mark.parametrize(
    ("thinking", "choice"), [("enabled", "auto"), ("adaptive", "auto"), ("disabled", "tool")]
)
def test_anthropic_that_thinks_first_is_not_made_to_use_the_tool(
    tmp_path: Path, thinking: str, choice: str
) -> None:
    """The API takes one or the other; there is room for a reply by default."""
    with FakeHttpApi(message()).serving() as api:
        ask(tmp_path / "e", entry("anthropic", api, options={"thinking": {"type": thinking}}))
        (asked,) = api.asked
    assert asked.body["tool_choice"]["type"] == choice
    assert asked.body["max_tokens"] == 8192


def test_anthropic_is_sent_no_name_that_the_api_refuses(tmp_path: Path) -> None:
    """One such criterion, and points may have any shape; the prompt says which."""
    with FakeHttpApi(message()).serving() as api:
        asked = question(tmp_path / "e", entry("anthropic", api), {KEYS["anthropic"]: KEY})
        (tmp_path / "e/rubric.yaml").write_text(RUBRIC.replace("all:", "all of it:"))
        (slot,) = scanned(tmp_path / "e").slots
        build(slot.judge).ask(replace(asked, slot=slot))
        schema = api.asked[0].body["tools"][0]["input_schema"]
    assert list(schema["properties"]) == [
        *("reasoning", "criteria_scores", "score", "passed", "token"),
    ]
    assert schema["properties"]["criteria_scores"] == {"type": "object"}
    assert schema["required"] == ["reasoning", "score", "passed", "token"]


@pytest.mark.parametrize(("given", "sent"), [(None, False), ({"type": "json_object"}, True)])
def test_option_replaces_what_would_be_sent_and_null_leaves_it_out(
    tmp_path: Path, given: object, sent: object
) -> None:
    """For servers that take a schema badly; then the reply must carry the token."""
    with FakeHttpApi(completion()).serving() as api:
        reply = ask(tmp_path / "e", entry("openai", api, options={"response_format": given}))
        (asked,) = api.asked
    assert ("response_format" in asked.body) is sent
    assert asked.body.get("response_format") == given
    assert reply.structured is False


# --- whole judgments -------------------------------------------------------------------------


@kinds
def test_answer_becomes_a_judgment_with_its_figures(tmp_path: Path, kind: str) -> None:
    """The model, the tokens, and the cost at the configured price; the body is kept as it came."""
    price = {"input": 1.0, "output": 10.0}
    with FakeHttpApi(good(kind)).serving() as api:
        root = write_experiment(tmp_path / "e", judges=[entry(kind, api, price=price)])
        statistics = harness.judge_experiment(root)
        assert [asked.path for asked in api.asked] == [PATHS[kind]]
    assert (statistics.judged, statistics.failures, statistics.problems) == (1, {}, [])
    slot = root / "runs/a/judge/judge_01"
    stored = json.loads((slot / "judgment.json").read_text())
    provenance = stored["provenance"]
    assert (stored["score"], stored["passed"], stored["reasoning"]) == (0.75, True, "fine")
    assert provenance["model_answered"] == "m-1-2026-01-01"
    tokens = {"input": 1000, "output": 100}
    if kind == "anthropic":
        tokens = {"input": 1300, "output": 100, "cached": 300}
    assert provenance["tokens"] == tokens
    assert provenance["cost_usd"] == pytest.approx((tokens["input"] + 1000) / 1e6)
    assert (slot / "attempts/0001/stdout").read_bytes() == good(kind).content
    assert statistics.calls.paid == 1


def test_schema_that_is_refused_is_left_out_from_then_on(tmp_path: Path) -> None:
    """The refused request is no paid call; the reply must carry the token instead."""

    def answer(asked: Asked) -> Answer:
        if "response_format" in asked.body:
            return refusal(400, {"error": {"message": "response_format is not supported"}})
        return echo(asked)

    with FakeHttpApi(answer).serving() as api:
        root = write_experiment(
            tmp_path / "e", runs=["a", "b"], judges=[entry("openai", api)], retries=0
        )
        statistics = harness.judge_experiment(root)
        assert ["response_format" in asked.body for asked in api.asked] == [True, False, False]
    assert (statistics.judged, statistics.calls.paid, statistics.failures) == (2, 2, {})


def test_schema_is_tried_again_for_another_model(tmp_path: Path) -> None:
    """What one model cannot, another may."""
    refused = refusal(400, {"error": {"message": "no", "param": "response_format"}})
    answers = iter([refused, completion(), completion()])
    with FakeHttpApi(lambda _: next(answers)).serving() as api:
        ask(tmp_path / "e", entry("openai", api))
        ask(tmp_path / "f", entry("openai", api, model="m-2"))
        assert ["response_format" in asked.body for asked in api.asked] == [True, False, True]


def test_request_that_is_refused_for_something_else_is_not_sent_again(tmp_path: Path) -> None:
    """Nor is one that no other form would mend remembered as refused for its schema."""
    too_long = refusal(400, {"error": {"message": "too long", "code": "context_length_exceeded"}})
    both = refusal(400, {"error": {"message": "json_schema, and more"}})
    answers = iter([too_long, both, both, completion()])
    with FakeHttpApi(lambda _: next(answers)).serving() as api:
        judge = entry("openai", api)
        text = "the call was refused (400 context_length_exceeded): too long"
        assert str(raised(tmp_path / "e", judge)) == text
        assert type(raised(tmp_path / "f", judge)) is JudgeError
        ask(tmp_path / "g", judge)
        sent = ["response_format" in asked.body for asked in api.asked]
    assert sent == [True, True, False, True]


def test_server_that_ignores_the_schema_is_held_to_the_token(tmp_path: Path) -> None:
    """A verdict that the model merely quotes does not carry it."""
    quoted = completion(f"The agent wrote {json.dumps(VERDICT)}, which I do not believe.")
    answers = iter([lambda _: quoted, echo])

    def answer(asked: Asked) -> Answer:
        return next(answers)(asked)

    with FakeHttpApi(answer).serving() as api:
        root = write_experiment(tmp_path / "e", judges=[entry("openai", api)], retries=1)
        statistics = harness.judge_experiment(root)
    assert (statistics.judged, statistics.calls.paid, statistics.calls.wasted) == (1, 2, 1)


# --- what is kept ----------------------------------------------------------------------------


@kinds
def test_kept_answer_is_read_again_and_never_paid_for_twice(tmp_path: Path, kind: str) -> None:
    """A judgment that went away is made from it; so is one whose session died before."""
    with FakeHttpApi(good(kind)).serving() as api:
        root = write_experiment(tmp_path / "e", judges=[entry(kind, api)])
        harness.judge_experiment(root)
        slot = root / "runs/a/judge/judge_01"
        first = json.loads((slot / "judgment.json").read_text())
        (slot / "judgment.json").unlink()
        (slot / "attempts/0001/exit.json").unlink()
        statistics = harness.judge_experiment(root)
        assert len(api.asked) == 1
    assert (statistics.calls.paid, statistics.calls.adopted) == (0, 1)
    second = json.loads((slot / "judgment.json").read_text())
    for key in ("tokens", "model_answered", "attempt"):
        assert second["provenance"][key] == first["provenance"][key]
    assert second["score"] == first["score"]


@pytest.mark.parametrize(("began", "paid", "lost"), [(True, 1, 1), (False, 1, 0)])
def test_call_whose_session_died_is_lost_if_it_was_made(
    tmp_path: Path, began: object, paid: int, lost: int
) -> None:
    """There is no process that could go on: it is asked again, and the loss is counted."""
    with FakeHttpApi(completion()).serving() as api:
        root = write_experiment(tmp_path / "e", judges=[entry("openai", api)])
        harness.judge_experiment(root)
        slot = root / "runs/a/judge/judge_01"
        (slot / "judgment.json").unlink()
        attempt = slot / "attempts/0001"
        for name in ("exit.json", "stdout", "stderr"):
            (attempt / name).unlink()
        if began:
            (attempt / "stdout.status").write_text("")
        else:
            (attempt / "stdout.status").unlink()
        statistics = harness.judge_experiment(root)
    assert (statistics.calls.paid, statistics.calls.lost) == (paid, lost)


def test_answer_that_the_disk_refuses_to_keep_was_paid_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message says so; nothing else would."""

    def full(_: Exchange, path: Path, content: bytes) -> None:
        if content:
            raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(Exchange, "_write", full)
    with FakeHttpApi(completion()).serving() as api:
        error = raised(tmp_path / "e", entry("openai", api))
    assert str(error) == (
        f"{tmp_path}/e/attempt/stderr: the answer came, but could not be kept "
        "(No space left on device); the call was paid for"
    )


def test_kept_answer_that_cannot_be_read_is_no_reply(tmp_path: Path) -> None:
    """Somebody has removed it."""
    asked = question(tmp_path / "e", entry("openai", "http://127.0.0.1:1"), {})
    judge: Any = build(asked.slot.judge)
    with pytest.raises(JudgeError) as caught:
        judge.reply_of(Finished(exit_code=0, seconds=0.0), asked)
    assert str(caught.value) == "the recorded answer cannot be read"


@kinds
def test_refusal_that_was_kept_is_no_answer(tmp_path: Path, kind: str) -> None:
    """Its body is there for whoever wants to know more; it is never adopted."""
    refused = refusal(400, {"error": {"message": "no", "type": "x"}}, x_request_id="r-1")
    with FakeHttpApi(refused).serving() as api:
        asked = question(tmp_path / "e", entry(kind, api), {KEYS[kind]: KEY})
        judge: Any = build(asked.slot.judge)
        with pytest.raises(JudgeError) as caught:
            judge.ask(asked)
        finished = of_record(asked.stdout, asked.stderr)
        with pytest.raises(JudgeError) as again:
            judge.reply_of(finished, asked)
    assert (str(caught.value), caught.value.unpaid) == ("the call was refused (400 x): no", True)
    assert str(again.value) == "the endpoint refused the call"
    assert asked.stdout.read_bytes() == refused.content
    noted = json.loads(asked.stderr.read_text())
    assert (noted["status"], noted["headers"]) == (400, {"x-request-id": "r-1"})


# --- what goes wrong -------------------------------------------------------------------------


@kinds
@pytest.mark.parametrize(
    ("answer", "error", "text"),
    [
        (Answer(b"garbage"), RetryableError, "the endpoint's answer is not JSON (Expecting"),
        (Answer(b"", status=204), RetryableError, "the endpoint's answer is empty"),
        (Answer(b""), RetryableError, "the endpoint's answer is empty"),
        (Answer(b"[]"), RetryableError, "the endpoint's answer is a JSON array, not an object"),
        (Answer({}), RetryableError, "the endpoint's answer has no c"),
        (
            Answer({"error": {"code": 429, "message": "later"}}),
            ThrottledError,
            "the call was refused (429): later",
        ),
        (Answer({"error": "oops"}), TransientError, "the call was refused (500): oops"),
        (refusal(429, retry_after="7"), ThrottledError, "the call was refused (429)"),
        (refusal(529), TransientError, "the call was refused (529)"),
        (refusal(500), TransientError, "the call was refused (500)"),
        (refusal(401), UnusableJudgeError, "the call was refused (401)"),
        (refusal(307, location="http://x.invalid"), UnusableJudgeError, "the endpoint sends else"),
        (
            refusal(429, {"error": {"code": "insufficient_quota", "message": "pay"}}),
            UnusableJudgeError,
            "the call was refused (429 insufficient_quota): pay",
        ),
        (Answer(manner="reset"), TransientError, "the connection to http://127.0.0.1:"),
    ],
)
def test_answer_that_is_no_reply_says_whose_turn_it_is(
    tmp_path: Path, kind: str, answer: Answer, error: type[JudgeError], text: str
) -> None:
    """Once asked, once counted: nothing is repeated here, and nobody waits."""
    with FakeHttpApi(answer).serving() as api:
        caught = raised(tmp_path / "e", entry(kind, api))
        assert len(api.asked) == 1
    assert type(caught) is error
    assert str(caught).startswith(text)


@kinds
def test_deadline_is_the_slots(tmp_path: Path, kind: str) -> None:
    """A server that trickles a byte now and then does not move it."""
    with FakeHttpApi(Answer(manner="trickle")).serving() as api:
        error = raised(tmp_path / "e", entry(kind, api, timeout=0.3))
    assert type(error) is RetryableError
    assert str(error) == "the judge took longer than 0.3 s and was ended"


@kinds
def test_interrupted_call_leaves_its_slot_as_it_was(tmp_path: Path, kind: str) -> None:
    """Whatever the server does meanwhile; the attempt says that it was interrupted."""
    with FakeHttpApi(Answer(manner="hang")).serving() as api:
        root = write_experiment(tmp_path / "e", judges=[entry(kind, api)])
        bench, found = Bench(), scanned(root)
        caught: list[BaseException] = []

        def work() -> None:
            try:
                judge_slot(found.slots[0], layout=found.layout, bench=bench)
            except BaseException as error:  # noqa: BLE001 - it is what the test looks at
                caught.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        assert api.at_work.acquire(timeout=30)
        assert bench.launcher.stop() == 1
        thread.join(timeout=30)
        assert not thread.is_alive()
    assert [type(error) for error in caught] == [Interrupted]
    end = json.loads((root / "runs/a/judge/judge_01/attempts/0001/exit.json").read_text())
    assert end["outcome"] == "interrupted"
    assert [slot.status.value for slot in scanned(root).slots] == ["missing"]


# --- keys ------------------------------------------------------------------------------------


@kinds
def test_key_that_is_not_there_is_named(tmp_path: Path, kind: str) -> None:
    """Before anything is sent; on this machine only a key that was asked for is needed."""
    remote = entry(kind, "http://judge.example.org")
    for judge, name in ((remote, KEYS[kind]), ({**remote, "api_key_env": "MINE"}, "MINE")):
        error = raised(tmp_path / name, judge, OTHER="x")
        assert type(error) is UnusableJudgeError
        assert error.unpaid is True
        assert str(error) == (
            f"the environment has no {name}, which holds the key; "
            "set it, or name another variable with api_key_env"
        )


def test_openai_on_this_machine_needs_no_key(tmp_path: Path) -> None:
    """Servers of one's own rarely want one; a variable that is named must be there."""
    with FakeHttpApi(completion()).serving() as api:
        ask(tmp_path / "e", entry("openai", api), OTHER="x")
        assert "authorization" not in api.asked[0].headers
        error = raised(tmp_path / "f", entry("openai", api, api_key_env="MINE"), OTHER="x")
    assert str(error).startswith("the environment has no MINE, ")


def test_anthropic_on_this_machine_needs_a_key(tmp_path: Path) -> None:
    """What speaks like it is a gateway to it."""
    error = raised(tmp_path / "e", entry("anthropic", "http://127.0.0.1:1"), OTHER="x")
    assert str(error).startswith("the environment has no ANTHROPIC_API_KEY, ")


@kinds
@pytest.mark.parametrize("key", ["a\nb-and-more", "k\u00e9y-of-mine", "two words"])
def test_value_that_no_header_can_hold_is_no_key(tmp_path: Path, kind: str, key: str) -> None:
    """The message does not show it."""
    error = raised(tmp_path / "e", entry(kind, "http://127.0.0.1:1", api_key_env="MINE"), MINE=key)
    assert str(error) == "the value of MINE is no key: it has characters that no key has"


@kinds
@pytest.mark.parametrize("status", [200, 400])
def test_key_that_the_server_repeats_is_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, status: int
) -> None:
    """Even in a variable whose name does not say that it holds one."""
    monkeypatch.setenv("MINE", KEY)
    for name in KEYS.values():
        monkeypatch.delenv(name)
    body = good(kind).content.replace(b"fine", KEY.encode())
    if status != 200:
        body = json.dumps({"error": {"message": f"bad key {KEY}"}}).encode()
    with FakeHttpApi(Answer(body, status=status, headers={"x-request-id": KEY})).serving() as api:
        judge = entry(kind, api, api_key_env="MINE")
        root = write_experiment(tmp_path / "e", judges=[judge], retries=0)
        statistics = harness.judge_experiment(root)
    assert KEY not in repr(statistics)
    files = [path for path in root.rglob("*") if path.is_file()]
    assert not any(KEY.encode() in path.read_bytes() for path in files)
    assert any(b"[redacted]" in path.read_bytes() for path in files)


def test_environment_of_a_judge_has_the_variable_that_it_names() -> None:
    """Beside that of its kind, and those that it is configured to pass on."""
    judge = {"name": "o", "kind": "openai", "model": "m", "api_key_env": "MINE", "env": ["MORE"]}
    (spec,) = panel([judge], ExperimentKeys(), file=FILE)
    assert environment_of(spec) == ("OPENAI_API_KEY", "MINE", "MORE")


# --- configuration ---------------------------------------------------------------------------

FILE: Any = "experiment.yaml"


@kinds
@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"model": None}, "the key 'model' is missing; name the model"),
        (
            {"base_url": "localhost:8000"},
            "base_url must be an address such as http://localhost:8000/v1; correct it",
        ),
        (
            {"base_url": "http://h:99999"},
            "base_url must be an address such as http://localhost:8000/v1; correct it",
        ),
        (
            {"base_url": "http://me:secret@h/v1"},
            (
                "base_url must be an address alone; a key belongs into the variable that "
                "api_key_env names; correct it"
            ),
        ),
        (
            {"base_url": "http://h/v1?key=secret"},
            (
                "base_url must be an address alone; a key belongs into the variable that "
                "api_key_env names; correct it"
            ),
        ),
        (
            {"api_key_env": "sk-secret"},
            "api_key_env must be the name of a variable, not a key; correct it",
        ),
        (
            {"options": {"stream": True}},
            "options must not have 'stream', which the harness sets; correct it",
        ),
        ({"options": {"seed": float("nan")}}, "options must be what JSON can hold; correct it"),
        ({"options": []}, "options: expected a mapping, found a list; correct it"),
    ],
)
def test_configuration_that_cannot_work_is_refused_when_it_is_read(
    kind: str, keys: dict[str, Any], message: str
) -> None:
    """With the key to change, and without showing what may be secret."""
    judge = {"name": "o", "kind": kind, "model": "m", **keys}
    with pytest.raises(ExperimentError) as caught:
        panel([judge], ExperimentKeys(), file=FILE)
    assert str(caught.value) == f"experiment.yaml: judges[0]: {message}".replace(
        "judges[0]: options: ", "judges[0].options: "
    )


@kinds
def test_judge_without_a_model_asks_nobody(tmp_path: Path, kind: str) -> None:
    """Where its configuration was not read by its kind."""
    asked = question(tmp_path / "e", entry(kind, "http://127.0.0.1:1"), {KEYS[kind]: KEY})
    with pytest.raises(ExperimentError) as caught:
        build(replace(asked.slot.judge, model=None)).ask(asked)
    assert str(caught.value) == "judge 01 one: the key 'model' is missing"


def spec_of(kind: str, **keys: Any) -> Any:
    """Return a judge of a kind."""
    judge = {"name": "o", "kind": kind, "model": "m", **keys}
    return panel([judge], ExperimentKeys(), file=FILE)[0]


@kinds
def test_fingerprint_covers_what_can_change_an_answer(kind: str) -> None:
    """The address and the options; not where the key is read from."""
    plain = spec_of(kind).sha256
    assert spec_of(kind, api_key_env="MINE").sha256 == plain
    assert spec_of(kind, base_url="http://h/v1").sha256 != plain
    assert spec_of(kind, base_url="http://h/v1/") == spec_of(kind, base_url="http://h/v1")
    assert spec_of(kind, options={"temperature": 0}).sha256 != plain
    assert (
        spec_of(kind, options={"temperature": 0}).sha256
        != spec_of(kind, options={"temperature": 1}).sha256
    )


# --- what can be known before ----------------------------------------------------------------


@kinds
def test_missing_package_is_named_with_its_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """One message, before anything is sent; the experiment can be read all the same."""
    monkeypatch.setitem(sys.modules, "httpx", None)
    judge = entry(kind, "http://127.0.0.1:1")
    error = raised(tmp_path / "e", judge)
    text = "the package httpx is missing; run pip install 'pytest-judge-panel[http]'"
    assert (type(error), str(error), error.unpaid) == (UnusableJudgeError, text, True)
    assert preflight(spec_of(kind), {}) == text


def preflight(spec: Any, environment: dict[str, str]) -> str | None:
    """Return what a judge knows to be wrong."""
    judge: Any = build(spec)
    why: str | None = judge.preflight(environment)
    return why


@kinds
def test_certificates_that_cannot_be_loaded_are_named_before_anything_is_paid(
    kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A variable that points nowhere is a thing to mend; a call that meets it is not paid."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "gone.pem"))
    text = (
        "the certificates of this machine cannot be loaded (No such file or directory); "
        "correct SSL_CERT_FILE or SSL_CERT_DIR"
    )
    connection._loaded.cache_clear()
    with FakeHttpApi(good(kind)).serving() as api:
        spec = spec_of(kind, base_url=api.url)
        assert preflight(spec, {KEYS[kind]: KEY}) == text
        error = raised(tmp_path / "e", entry(kind, api.url))
        assert (type(error), str(error), error.unpaid) == (UnusableJudgeError, text, True)
        assert api.asked == []


@kinds
def test_preflight_looks_for_the_key_and_for_somebody_at_the_address(kind: str) -> None:
    """Nothing is sent; behind a proxy nobody is looked for."""
    key = {KEYS[kind]: KEY}
    with FakeHttpApi(good(kind)).serving() as api:
        spec = spec_of(kind, base_url=api.url)
        connection._loaded.cache_clear()
        assert preflight(spec, key) is None
        assert connection._loaded.cache_info().currsize == 1  # nothing is left to the first call
        assert api.asked == []
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        spec = spec_of(kind, base_url=url)
        assert preflight(spec, key) == f"nobody answers at {url} (Connection refused)"
        assert preflight(spec, {**key, "HTTP_PROXY": "http://127.0.0.1:1"}) is None
    missing = preflight(spec_of(kind), {})
    assert missing is not None
    assert missing.startswith(f"the environment has no {KEYS[kind]}, ")


def test_kinds_are_known_without_the_package_that_they_need() -> None:
    """It takes longer to import than a session of ordinary tests may feel."""
    text = (
        "import sys, harness.judges.openai, harness.judges.anthropic;"
        "raise SystemExit('httpx' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", text], check=False).returncode == 0


# --- as a session ----------------------------------------------------------------------------


def test_session_judges_with_both_kinds_at_once(tmp_path: Path) -> None:
    """As with any other, and with no more connections than calls at a time for each."""

    def answer(asked: Asked) -> Answer:
        return good("openai" if asked.path.endswith("completions") else "anthropic")

    with FakeHttpApi(answer).serving() as api:
        judges = [entry("openai", api), entry("anthropic", api, name="two")]
        write_experiment(tmp_path / "e", runs=["a", "b", "c"], judges=judges)
        argv = [sys.executable, "-m", "pytest", "e", "--parallel", "2", "-q"]
        done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
        paths = sorted(asked.path for asked in api.asked)
        assert api.connections <= 4 + 2  # each judge's endpoint was looked at before
    assert (done.returncode, done.stderr) == (0, "")
    assert "judged 6, failed to judge 0, consensus regenerated 3" in done.stdout
    assert paths == ["/chat/completions"] * 3 + ["/v1/messages"] * 3
