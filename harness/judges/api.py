"""What judges that are asked over HTTP have in common: address, key, and one POST per call.

A kind says what it sends (``request``), what an answer means (``read``), and how it is told
who pays (``headers``). Nothing is repeated and nobody waits here: that is the dispatcher's.
"""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from harness import files
from harness.errors import ExperimentError, JudgeError, RetryableError
from harness.json_text import parse_json_object
from harness.judges.address import check_address, is_local, unreachable
from harness.judges.connection import BODY_CAP, Answered, is_installed, prepare, unusable
from harness.judges.endpoint import MISSING, Endpoint, endpoint_for
from harness.judges.http_signals import error_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.judges import Question, Reply
    from harness.model import JudgeSpec
    from harness.process import Finished
    from harness.redact import Redactor

NOTED = ("ratelimit", "retry-after", "request-id", "processing-ms")
"""Parts of the names of headers that are kept with an attempt."""


class ApiSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """``base_url``: the address up to the kind's own path. ``api_key_env``: the key's variable.

    ``options`` go into every request as they are; an option that is null leaves out what
    would be sent otherwise.
    """

    UNHASHED: ClassVar = ("api_key_env",)
    RESERVED: ClassVar[tuple[str, ...]] = ("model", "messages", "stream", "tools", "tool_choice")

    base_url: str | None = None
    api_key_env: str | None = None
    options: dict[str, Any] = {}

    def __post_init__(self) -> None:
        if self.base_url is not None:
            check_address(self.base_url)
            # Written with and without a slash it is the same address, and the same judge.
            msgspec.structs.force_setattr(self, "base_url", self.base_url.rstrip("/"))
        name = self.api_key_env
        if name is not None and not (name.isascii() and name.isidentifier()):
            raise ValueError("api_key_env must be the name of a variable, not a key")
        for reserved in self.RESERVED:
            if reserved in self.options:
                raise ValueError(f"options must not have {reserved!r}, which the harness sets")
        try:
            json.dumps(self.options, allow_nan=False)
        except (TypeError, ValueError):
            raise ValueError("options must be what JSON can hold") from None


class ApiJudge(ABC):
    """Asks an HTTP endpoint; kinds say what is sent and what comes back."""

    Settings: ClassVar[type[Any]]
    requires_token: ClassVar = True
    requires_model: ClassVar = True
    deterministic: ClassVar = False
    remote: ClassVar = True
    reports: ClassVar = "tokens"
    environment: ClassVar[tuple[str, ...]]
    """The variable that the key is read from unless the settings name another."""
    default_url: ClassVar[str]
    path: ClassVar[str]
    local_needs_key: ClassVar = True
    """Whether an endpoint on this machine, or beside it, needs a key, too."""

    def __init__(self, spec: JudgeSpec) -> None:
        self._spec = spec
        self._settings: ApiSettings = spec.settings
        self._base_url = self._settings.base_url or self.default_url

    @abstractmethod
    def headers(self, key: str | None) -> dict[str, str]:
        """Return the headers that say who asks."""

    @abstractmethod
    def request(self, question: Question, *, schema: bool) -> dict[str, Any]:
        """Return what is sent; ``schema``: the reply must be made to keep to one."""

    @abstractmethod
    def read(self, envelope: dict[str, Any], *, schema: bool) -> Reply:
        """Return the reply in the answer to a request with a schema, or without one.

        Raises ``JudgeError`` if it holds none; with ``spent`` where it says what it cost.
        """

    def takes_schema(self) -> bool:
        """Tell whether a schema is to be sent at all."""
        return True

    def is_about_schema(self, answered: Answered) -> bool:
        """Tell whether a request was refused because of its schema."""
        del answered
        return False

    @property
    def url(self) -> str:
        """Where every call goes."""
        return f"{self._base_url}{self.path}"

    def ask(self, question: Question) -> Reply:
        """Send one request and return the reply; a second one only if the schema was refused."""
        if self._spec.model is None:  # the configuration was read without knowing the kind
            raise ExperimentError(f"judge {self._spec.label}: the key 'model' is missing")
        endpoint = self._endpoint(question.env)
        deadline = time.monotonic() + question.timeout
        schema = self.takes_schema() and self._spec.model not in endpoint.refused
        answered = self._post(endpoint, question, deadline, schema=schema)
        if schema and self.is_about_schema(answered):
            schema = False
            answered = self._post(endpoint, question, deadline, schema=False)
            if answered.accepted:
                endpoint.refused.add(self._spec.model)
        return self._kept(answered, question, endpoint.redactor, schema=schema)

    def _endpoint(self, environment: Mapping[str, str]) -> Endpoint:
        """Return where the calls go; no frame that waits for one holds the key."""
        key = self._key(environment)
        return endpoint_for(self._base_url, self.headers(key), key)

    def _post(
        self, endpoint: Endpoint, question: Question, deadline: float, *, schema: bool
    ) -> Answered:
        exchange = question.exchange
        if exchange is None:
            raise AssertionError("a judge is asked for an attempt, which has an exchange")
        body = {**self.request(question, schema=schema), **self._settings.options}
        content = json.dumps({name: value for name, value in body.items() if value is not None})
        exchange.begin()
        try:
            return endpoint.post(
                self.url,
                content.encode(),
                timeout=max(0.001, deadline - time.monotonic()),
                attended=exchange.attended,
            )
        except RetryableError:
            late = f"the judge took longer than {question.timeout:g} s and was ended"
            raise RetryableError(late) from None

    def _kept(
        self, answered: Answered, question: Question, redactor: Redactor, *, schema: bool
    ) -> Reply:
        """Keep the answer as it came, without the key, and read it."""
        noted = {n: v for n, v in answered.headers.items() if any(part in n for part in NOTED)}
        record = {"url": self.url, "status": answered.status, "schema": schema, "headers": noted}
        exchange = question.exchange
        assert exchange is not None, "it was asked with one"  # noqa: S101 - narrows the type
        body = exchange.keep(
            redactor.data(answered.body),
            redactor(json.dumps(record, indent=2)).encode(),
            whole=answered.accepted,
        ).decode("utf-8", "replace")
        if not answered.accepted:
            headers = {name: redactor(value) for name, value in answered.headers.items()}
            raise error_for(answered.status, headers, body, url=self.url, now=time.time())
        return self._read(body, schema=schema)

    def reply_of(self, finished: Finished, question: Question) -> Reply:
        """Return the reply in an answer that was kept."""
        if finished.exit_code != 0:
            raise JudgeError("the endpoint refused the call")
        match files.read_bytes(question.stdout, root=question.stdout.parent, cap=2 * BODY_CAP):
            case files.Ok(content):
                record = files.read_json(question.stderr, root=question.stderr.parent)
                schema = isinstance(record, files.Ok) and record.value.get("schema") is True
                return self._read(content.decode("utf-8", "replace"), schema=schema)
            case _:
                raise JudgeError("the recorded answer cannot be read")

    def _read(self, body: str, *, schema: bool) -> Reply:
        try:
            envelope = parse_json_object(body)
        except ValueError as why:
            raise RetryableError(f"the endpoint's answer {why}") from None
        told = envelope.get("error")
        if told:  # refused after all: some find out when they have sent the status
            code = told.get("code") if isinstance(told, dict) else None
            status = code if isinstance(code, int) and 400 <= code < 600 else 500  # noqa: PLR2004 - errors of HTTP
            error = error_for(status, {}, body, url=self.url, now=time.time())
            error.unpaid = False
            raise error
        return self.read(envelope, schema=schema)

    def preflight(self, environment: Mapping[str, str]) -> str | None:
        """Return why no call could work, as far as that shows for nothing."""
        if not is_installed():
            return MISSING
        try:
            self._key(environment)
            prepare()
        except JudgeError as error:
            return str(error)
        return unreachable(self._base_url, environment)

    def _key(self, environment: Mapping[str, str]) -> str | None:
        named = self._settings.api_key_env
        name = named or self.environment[0]
        key = environment.get(name, "").strip()
        if not key:
            if named is None and not self.local_needs_key and is_local(self._base_url):
                return None
            raise unusable(
                f"the environment has no {name}, which holds the key; "
                "set it, or name another variable with api_key_env"
            )
        if not (key.isascii() and key.isprintable()) or " " in key:
            raise unusable(f"the value of {name} is no key: it has characters that no key has")
        return key
