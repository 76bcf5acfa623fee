"""Addresses of endpoints: which can be meant, and which lie near."""

from __future__ import annotations

import pytest

from harness.judges.address import check_address, is_local


@pytest.mark.parametrize(
    "address",
    ["http://localhost:8000/v1", "https://api.example.org", "http://[::1]:8/v1/", "http://vllm"],
)
def test_address_of_an_endpoint_is_taken(address: str) -> None:
    """Of this machine or of another, with a path or without one."""
    check_address(address)


@pytest.mark.parametrize(
    "address",
    [
        *("", "localhost:8000", "ftp://h/", "http://", "http:///v1", "http://h:0", "http://h:x"),
        *("http://h h/", "http://h/\n", "http://h\u00e4/", "http://[::1", "//h/v1"),
        *("http://key@h/", "http://me:key@h/", "http://h/?key=1", "http://h/#key"),
    ],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    """So is one that has a place for a key in it."""
    with pytest.raises(ValueError, match=r"^base_url must be an address "):
        check_address(address)


@pytest.mark.parametrize(
    ("host", "local"),
    [
        *(("localhost", True), ("127.0.0.1", True), ("127.8.8.8", True), ("[::1]", True)),
        *(("192.168.1.5", True), ("10.0.0.1", True), ("vllm", True), ("gpu.local", True)),
        *(("host.docker.internal", True), ("a.localhost", True), ("8.8.8.8", False)),
        *(("api.openai.com", False), ("[2606:4700::1]", False)),
    ],
)
def test_address_is_local_if_its_host_is(host: str, local: object) -> None:
    """This machine, its network, and the names that have no meaning outside of it."""
    assert is_local(f"http://{host}:8000/v1") is local
