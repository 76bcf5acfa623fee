"""Connections to HTTP endpoints: used again, bounded in every way, and ended from outside."""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from harness.ending import Endings
from harness.errors import (
    Interrupted,
    JudgeError,
    RetryableError,
    TransientError,
    UnreachableError,
    UnusableJudgeError,
)
from harness.judges import connection
from harness.judges.endpoint import Endpoint, close_all, endpoint_for
from tests.fake_http_api import Answer, Asked, FakeHttpApi
from tests.workshop import descriptors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from harness.judges.connection import Answered

pytest.importorskip("httpx", reason="needs the extra http")

ANSWER = Answer({"ok": True})


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    """Leave no connection behind."""
    yield
    close_all()


def post(
    api: FakeHttpApi | str,
    *,
    timeout: float = 30.0,
    endings: Endings | None = None,
    endpoint: Endpoint | None = None,
) -> Answered:
    """Post once to a fake, or to an address."""
    url = api if isinstance(api, str) else api.url
    return (endpoint or endpoint_for(url, {})).post(
        url, b"{}", timeout=timeout, attended=(endings or Endings()).attended
    )


def test_answer_is_returned_whole_whatever_its_status() -> None:
    """With the names of the headers in lower case."""
    answer = Answer({"no": 1}, status=418, headers={"X-Kettle": "Short"})
    with FakeHttpApi(answer).serving() as api:
        got = post(api)
    assert (got.status, got.body, got.headers["x-kettle"]) == (418, b'{"no": 1}', "Short")


def test_one_connection_serves_calls_of_several_threads() -> None:
    """One after the other they need no second one."""
    with FakeHttpApi(ANSWER).serving() as api:
        for _ in range(5):
            with ThreadPoolExecutor(1) as thread:
                assert thread.submit(post, api).result().status == 200
        assert (len(api.asked), api.connections) == (5, 1)


def test_calls_at_the_same_time_have_as_many_connections_and_not_one_more() -> None:
    """Each has its own; later ones use them again."""
    together = threading.Barrier(8, timeout=30)

    def answer(_: Asked) -> Answer:
        together.wait()
        return ANSWER

    with FakeHttpApi(answer).serving() as api, ThreadPoolExecutor(8) as threads:
        for _ in range(3):
            assert len(list(threads.map(lambda _: post(api), range(8)))) == 8
        assert (len(api.asked), api.connections) == (24, 8)


def test_endpoint_is_shared_by_address_and_headers() -> None:
    """Another key has connections of its own."""
    first = endpoint_for("http://localhost", {"k": "1"})
    assert endpoint_for("http://localhost", {"k": "1"}) is first
    assert endpoint_for("http://localhost", {"k": "2"}) is not first
    assert endpoint_for("http://localhost:1", {"k": "1"}) is not first


@pytest.mark.parametrize("manner", ["hang", "trickle", "trickle_headers", "unframed"])
def test_call_ends_at_its_deadline_however_the_time_goes_by(manner: str) -> None:
    """Silence, or a byte now and then: neither outlasts it, and the connection is not kept."""
    answers = iter([Answer({"ok": True}), Answer(b" ", manner=manner), Answer({"ok": True})])
    with FakeHttpApi(lambda _: next(answers)).serving() as api:
        post(api)  # so that it happens on a connection that is used again
        with pytest.raises(RetryableError) as caught:
            post(api, timeout=0.3)
        assert post(api).status == 200
        assert api.connections == 2
    assert str(caught.value) == "the judge took longer than 0.3 s and was ended"


@pytest.mark.parametrize("manner", ["hang", "trickle", "trickle_headers", "unframed"])
def test_calls_of_all_threads_end_when_the_session_does(manner: str) -> None:
    """Whether they wait on a new connection or on one that was used before."""
    answers = iter([ANSWER] + [Answer(b" ", manner=manner)] * 4)
    endings = Endings()
    with FakeHttpApi(lambda _: next(answers)).serving() as api, ThreadPoolExecutor(4) as threads:
        post(api, endings=endings)
        assert api.at_work.acquire(timeout=30)
        calls = [threads.submit(post, api, endings=endings) for _ in range(4)]
        for _ in calls:
            assert api.at_work.acquire(timeout=30)
        assert endings.end_all() == 4
        for call in calls:
            with pytest.raises(Interrupted):
                call.result(timeout=30)
        with pytest.raises(Interrupted):
            post(api, endings=endings)
        assert len(api.asked) == 5


def test_call_that_is_ended_before_it_is_connected_ends_as_soon_as_it_is() -> None:
    """The switch may come at any moment."""
    with FakeHttpApi(Answer(manner="hang")).serving() as api:
        early = connection.Connection({})
        early.end()
        with pytest.raises(RetryableError):
            early.post(api.url, b"{}", 30.0)
        early.close()


def test_deadline_may_be_years_ahead() -> None:
    """It is then no limit at all."""
    with FakeHttpApi(ANSWER).serving() as api:
        assert post(api, timeout=1e9).status == 200


def test_answer_that_was_whole_when_its_call_was_ended_counts() -> None:
    """It is paid for; only its connection is of no more use."""

    @contextlib.contextmanager
    def ended_late(end: Callable[[], object]) -> Iterator[None]:
        yield
        end()

    with FakeHttpApi(ANSWER).serving() as api:
        endpoint = Endpoint({})
        assert endpoint.post(api.url, b"{}", timeout=30.0, attended=ended_late).status == 200
        assert post(api, endpoint=endpoint).status == 200
        assert api.connections == 2
        endpoint.close()


def test_answer_without_end_is_read_no_further_than_the_cap(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was read until then is all that is held in memory."""
    monkeypatch.setattr(connection, "BODY_CAP", 100_000)
    with (
        FakeHttpApi(Answer(manner="endless")).serving() as api,
        pytest.raises(JudgeError) as caught,
    ):
        post(api)
    assert type(caught.value) is JudgeError
    assert str(caught.value) == "the judge's answer is longer than 10 MiB and was not read further"


def test_answer_that_announces_too_much_is_not_read_at_all() -> None:
    """Ten megabytes are enough for every judgment."""
    size = str(connection.BODY_CAP + 1)
    answer = Answer(headers={"content-length": size}, manner="headers")
    with FakeHttpApi(answer).serving() as api, pytest.raises(JudgeError) as caught:
        post(api)
    assert str(caught.value) == "the judge's answer is longer than 10 MiB and was not read further"


def test_compressed_answer_is_refused() -> None:
    """It was not asked for, and may be a thousand times as long as it looks."""
    answer = Answer(b"x", headers={"content-encoding": "gzip"})
    with FakeHttpApi(answer).serving() as api, pytest.raises(JudgeError) as caught:
        post(api)
    assert str(caught.value) == "the endpoint sent a compressed answer, which was not asked for"


@pytest.mark.parametrize("manner", ["reset", "cut"])
def test_connection_that_is_lost_may_be_found_again(manner: str) -> None:
    """The call may have been paid for, so nothing says that it was not."""
    with (
        FakeHttpApi(Answer(b"12345678", manner=manner)).serving() as api,
        pytest.raises(TransientError) as caught,
    ):
        post(api)
    assert type(caught.value) is TransientError
    assert caught.value.unpaid is False
    assert str(caught.value).startswith(f"the connection to {api.url} was lost (")
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None  # it would hold the request, and so the key


def test_nobody_there_is_the_endpoints_failure() -> None:
    """A refused connection costs nothing."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody else can listen there
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(UnreachableError) as caught:
            post(url)
    assert caught.value.unpaid is True
    refused = "ConnectError: [Errno 111] Connection refused"
    assert str(caught.value) == f"the endpoint {url} cannot be reached ({refused})"


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "http://h/\x01"])
def test_address_that_cannot_be_called_is_named(url: str) -> None:
    """Nothing was sent."""
    with pytest.raises(UnusableJudgeError) as caught:
        post(url)
    assert caught.value.unpaid is True
    assert str(caught.value).startswith(f"the endpoint {url} cannot be called (")


def test_redirect_is_an_answer_like_any_other() -> None:
    """Nobody follows it, so no key goes elsewhere."""
    with FakeHttpApi(ANSWER).serving() as other:
        moved = Answer(status=307, headers={"location": other.url})
        with FakeHttpApi(moved).serving() as api:
            assert post(api).status == 307
        assert (other.connections, len(api.asked)) == (0, 1)


def test_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """As httpx finds it."""
    with FakeHttpApi(ANSWER).serving() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        assert post("http://judge.invalid/v1").status == 200
        assert [asked.path for asked in proxy.asked] == ["http://judge.invalid/v1"]


def test_proxy_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody was asked."""
    monkeypatch.setenv("http_proxy", "gopher://127.0.0.1:1")
    with pytest.raises(UnusableJudgeError) as caught:
        post("http://judge.invalid/v1")
    assert caught.value.unpaid is True
    assert str(caught.value).startswith("the proxy of this machine cannot be used: ")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a certificate for this machine that nobody has signed."""
    if (openssl := shutil.which("openssl")) is None:
        pytest.skip("needs the program openssl")
    place = tmp_path_factory.mktemp("tls")
    made = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    names = ["-nodes", "-subj", "/CN=fake", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(place / "key.pem"), "-out", str(place / "cert.pem")]
    subprocess.run([*made, *names, *files], check=True, capture_output=True)
    return place


@pytest.fixture
def tls(certificate: Path) -> Iterator[ssl.SSLContext]:
    """Return what a server with that certificate needs."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    connection._loaded.cache_clear()
    yield context
    connection._loaded.cache_clear()


def test_first_calls_load_the_certificates_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls that start together wait for one of them, and none does it again."""
    import httpx

    loaded = ssl.create_default_context()
    second = threading.Event()
    made: list[int] = []

    def slowly(**_: object) -> ssl.SSLContext:
        made.append(1)
        if len(made) > 1:
            second.set()
        second.wait(0.2)  # time for the others to come in as well
        return loaded

    monkeypatch.setattr(httpx, "create_ssl_context", slowly)
    connection._loaded.cache_clear()
    try:
        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(lambda _: connection._tls(), range(4))) == [loaded] * 4
    finally:
        connection._loaded.cache_clear()
    assert made == [1]


def test_certificate_that_nobody_trusts_keeps_every_call_from_working(
    tls: ssl.SSLContext,
) -> None:
    """It is not the network that fails: whoever configured the judge must act."""
    with FakeHttpApi(ANSWER, tls=tls).serving() as api:
        with pytest.raises(UnusableJudgeError) as caught:
            post(api)
        assert api.asked == []
    assert caught.value.unpaid is True
    assert "CERTIFICATE_VERIFY_FAILED" in str(caught.value)


def test_call_over_tls_ends_with_the_session(
    tls: ssl.SSLContext, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a certificate that the environment says can be trusted."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert.pem"))
    answers = iter([ANSWER, Answer(manner="hang")])
    endings = Endings()
    with (
        FakeHttpApi(lambda _: next(answers), tls=tls).serving() as api,
        ThreadPoolExecutor(1) as thread,
    ):
        assert post(api, endings=endings).status == 200
        assert api.at_work.acquire(timeout=30)
        call = thread.submit(post, api, endings=endings)
        assert api.at_work.acquire(timeout=30)
        assert endings.end_all() == 1
        with pytest.raises(Interrupted):
            call.result(timeout=30)
        assert api.connections == 1


def test_calls_leave_no_descriptor_behind() -> None:
    """Neither those that were answered nor those that ended badly, once all is closed."""
    before = descriptors()
    answers = iter([ANSWER, Answer(manner="reset"), Answer(b"12", manner="cut"), ANSWER])
    with FakeHttpApi(lambda _: next(answers)).serving() as api:
        post(api)
        for _ in range(2):
            with pytest.raises(TransientError):
                post(api)
        post(api)
        close_all()
    assert descriptors() <= before
