"""A plugin of the program ``llm``, given to it for one call: that call is made once.

The libraries that other plugins call their models with repeat a call by themselves, up to
twice, also one that may have been answered and billed. The program has no flag for that.
"""

from __future__ import annotations

import functools
import sys
from typing import Any

import llm

CLIENTS = {"openai": ("OpenAI", "AzureOpenAI"), "anthropic": ("Anthropic",)}
"""Clients by library; all of them take ``max_retries``."""


@llm.hookimpl
def register_models(register: object) -> None:
    """Change the clients that there are; all plugins are loaded by now, and none has one yet."""
    del register
    for library, names in CLIENTS.items():
        for name in names:
            client = getattr(sys.modules.get(library), name, None)
            if client is not None:
                _without_retries(client)


def _without_retries(client: Any) -> None:
    make = client.__init__

    @functools.wraps(make)
    def once(self: object, *args: object, **options: object) -> None:
        make(self, *args, **{**options, "max_retries": 0})

    client.__init__ = once
