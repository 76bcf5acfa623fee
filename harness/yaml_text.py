"""YAML as people write configurations: safe, small, and without surprises."""

from __future__ import annotations

import math
import re
from typing import Any

import yaml

from harness.json_text import DIGITS_CAP

DEPTH_CAP = 32

# libyaml's parser where it is there: the pure one takes seconds for a large file.
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class YamlProblem(Exception):  # noqa: N818 - it is reported as part of another error
    """What is wrong with the text, where, and the way out."""


class _Loader(_Base):  # type: ignore[misc] # the base is chosen when the module is loaded
    """A safe loader with unique keys and fewer surprises.

    Unquoted scalars are null, true, false, and decimal numbers as in YAML 1.2; all
    others are text: ``no``, ``012``, ``0x1f``, ``1_000``, ``12:30``, ``.inf``, dates.
    """

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - the name and the type are PyYAML's

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> Any:  # noqa: FBT001, FBT002 - PyYAML's signature
        seen: set[object] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                where = _place(key_node.start_mark)
                raise YamlProblem(f"the key {key!r} ({where}) is not text; put it in quotes")
            if key == "<<":
                where = _place(key_node.start_mark)
                raise YamlProblem(f"uses a merge key ({where}); write the values out")
            if key in seen:
                where = _place(key_node.start_mark)
                raise YamlProblem(f"the key {key!r} ({where}) stands there twice; keep one")
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


def _resolve(tag: str, pattern: str, first: str) -> None:
    compiled = re.compile(pattern)
    for char in first:
        resolvers = _Loader.yaml_implicit_resolvers.setdefault(char, [])
        resolvers.append((f"tag:yaml.org,2002:{tag}", compiled))


_resolve("null", r"^(?:~|null|Null|NULL|)$", "~nN")
_Loader.yaml_implicit_resolvers[""] = [("tag:yaml.org,2002:null", re.compile(r"^$"))]
_resolve("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF")
_resolve("int", r"^[-+]?(?:0|[1-9][0-9]*)$", "-+0123456789")
_resolve(
    "float",
    r"^[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?$|^[-+]?[0-9]+[eE][-+]?[0-9]+$",
    "-+.0123456789",
)


def _float(loader: Any, node: yaml.ScalarNode) -> float:
    value = float(loader.construct_scalar(node))
    if math.isinf(value):
        where = _place(node.start_mark)
        raise YamlProblem(
            f"the number {node.value[:20]} ({where}) is too large; write a smaller one"
        )
    return value


def _int(loader: Any, node: yaml.ScalarNode) -> int:
    text = loader.construct_scalar(node)
    if len(text) > DIGITS_CAP:
        where = _place(node.start_mark)
        raise YamlProblem(
            f"a number of {len(text):,} digits ({where}) is too large; write a smaller one"
        )
    return int(text)


_Loader.add_constructor("tag:yaml.org,2002:float", _float)
_Loader.add_constructor("tag:yaml.org,2002:int", _int)


def parse_yaml(text: str) -> Any:
    """Parse one document into dicts, lists, and scalars; ``YamlProblem`` if it is unsafe."""
    try:
        _check_events(text)
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader, made stricter
    except yaml.MarkedYAMLError as error:
        where = f" ({_place(error.problem_mark)})" if error.problem_mark else ""
        two = isinstance(error, yaml.composer.ComposerError)
        why = "it holds two documents" if two else error.problem
        raise YamlProblem(f"is not valid YAML: {why}{where}; correct it") from None
    except yaml.reader.ReaderError as error:
        where = f"position {error.position}"
        raise YamlProblem(f"is not valid YAML: {error.reason} ({where}); correct it") from None


def _check_events(text: str) -> None:
    """Refuse aliases, tags, and deep nesting before anything is built from them."""
    depth = 0
    for event in yaml.parse(text, Loader=_Base):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            where = _place(event.start_mark)
            raise YamlProblem(f"uses an anchor or alias ({where}); write the value out")
        tag = getattr(event, "tag", None)
        if tag is not None:
            where, name = _place(event.start_mark), tag.replace("tag:yaml.org,2002:", "!!")
            raise YamlProblem(f"uses the tag {name} ({where}); write the value without it")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEPTH_CAP:
                raise YamlProblem(f"is nested more than {DEPTH_CAP} deep; flatten it")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _place(mark: Any) -> str:
    return f"line {mark.line + 1}, column {mark.column + 1}"
