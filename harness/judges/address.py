"""Addresses of endpoints: which can be meant, which lie near, and whether anybody is there."""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

PATIENCE = 5.0
"""Seconds after which an endpoint that is only looked for is not there."""

_PORTS = {"http": 80, "https": 443}


def check_address(address: str) -> None:
    """Raise ``ValueError`` if no endpoint can have this address; it quotes nothing secret."""
    try:
        parts = urlsplit(address)
        usable = parts.scheme in _PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not (address.isascii() and address.isprintable()) or " " in address:
        raise ValueError("base_url must be an address such as http://localhost:8000/v1")
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise ValueError(
            "base_url must be an address alone; a key belongs into the variable that "
            "api_key_env names"
        )


def is_local(address: str) -> bool:
    """Tell whether an address is that of this machine or of one in its own network."""
    host = urlsplit(address).hostname or ""
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host or host.endswith((".localhost", ".local", ".internal"))
    return found.is_loopback or found.is_private or found.is_link_local


def unreachable(address: str, environment: Mapping[str, str]) -> str | None:
    """Return why nobody answers at an address; None if somebody does, or behind a proxy."""
    parts = urlsplit(address)
    lower = {name.lower(): value for name, value in environment.items()}
    if lower.get(f"{parts.scheme}_proxy") or lower.get("all_proxy"):
        return None
    try:
        port = parts.port or _PORTS[parts.scheme]
        socket.create_connection((parts.hostname or "", port), PATIENCE).close()
    except OSError as error:
        return f"nobody answers at {address} ({error.strerror or error})"
    return None
