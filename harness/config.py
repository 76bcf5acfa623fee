"""From the text of ``experiment.yaml`` to typed settings, strictly.

An unknown key, a wrong type, or a name given twice is an ``ExperimentError``
that names the file, the key, and the way out.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

import msgspec

from harness import judges
from harness.errors import ExperimentError
from harness.keys import ExperimentKeys, JudgeKeys
from harness.model import JudgeSpec
from harness.typed import convert, use_one

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

FINGERPRINT_VERSION = 1
"""Part of every fingerprint; to be raised when ``fingerprint`` covers other settings."""

HUMAN = "human"
"""The kind of judge that is a person."""


def read_keys(value: Any, file: Path) -> ExperimentKeys:
    """Check the top level of an ``experiment.yaml``."""
    keys = convert(value, ExperimentKeys, file=file)
    for key in ("task", "rubric", "runs", "prompt"):
        check_below(getattr(keys, key), f"{file}: {key}")
    return keys


def check_below(path: str | None, where: str) -> None:
    """Refuse a path that leaves the experiment, or that is none."""
    if path is not None and (not path or path.startswith("/") or ".." in path.split("/")):
        raise ExperimentError(f"{where}: {path!r} is no path below the experiment; correct it")


def panel(
    entries: Iterable[Mapping[str, Any]], keys: ExperimentKeys, *, file: Path
) -> tuple[JudgeSpec, ...]:
    """Make the judges listed, people too, in order; their number is that of their slot."""
    specs = tuple(
        judge_spec(entry, number, keys, file=file) for number, entry in enumerate(entries, 1)
    )
    check_panel(specs, file)
    return specs


def check_panel(specs: Sequence[JudgeSpec], file: Path) -> None:
    """Refuse an empty panel, one that weighs nothing, and two judges of one name."""
    asked, people = members(specs)
    if not asked:
        only = "a person alone is no panel" if people else "the panel is empty"
        raise ExperimentError(f"{file}: judges: {only}; list at least one judge")
    if not any(spec.weight for spec in asked):
        raise ExperimentError(
            f"{file}: judges: every weight is 0; give at least one judge a weight above 0"
        )
    seen: dict[str, int] = {}
    for spec in specs:
        if spec.name in seen:  # reports could not tell them apart
            raise ExperimentError(
                f"{file}: judges[{spec.number - 1}]: the name {spec.name!r} is taken by "
                f"judges[{seen[spec.name] - 1}]; give each judge its own name"
            )
        seen[spec.name] = spec.number


def members(specs: Sequence[JudgeSpec]) -> tuple[tuple[JudgeSpec, ...], tuple[JudgeSpec, ...]]:
    """Tell the panel from the people whose judgments only measure it."""
    people = tuple(spec for spec in specs if spec.kind == HUMAN)
    return tuple(spec for spec in specs if spec.kind != HUMAN), people


def default_spec(kind: str, model: str, number: int, *, name: str, token: bool) -> JudgeSpec:
    """Make a judge that no entry configures; whether its kind exists shows when it is asked."""
    return JudgeSpec(
        number=number,
        name=name,
        kind=kind,
        model=model,
        sha256=fingerprint(kind, model, judges.NoSettings(), require_token=token),
        require_token=token,
        remote=judges.is_remote(kind),
    )


_NAME = re.compile(r"[\w.:/@+-]{1,128}")


def judge_spec(
    entry: Mapping[str, Any], number: int, keys: ExperimentKeys, *, file: Path
) -> JudgeSpec:
    """Make one judge from its mapping in the list ``judges``."""
    where = f"judges[{number - 1}]"
    kind = _kind(entry, where, file)
    common, settings = _keys(entry, kind, where, file)
    if not common.name:
        raise ExperimentError(f"{file}: {where}: the key 'name' is missing; name the judge")
    check_usable(common.name, f"{file}: {where}.name")
    check_usable(common.model, f"{file}: {where}.model")
    if common.model is None and getattr(kind, "requires_model", False):
        raise ExperimentError(f"{file}: {where}: the key 'model' is missing; name the model")
    token = next(
        (t for t in (common.require_token, keys.require_token) if t is not None),
        kind.requires_token,
    )
    return JudgeSpec(
        number=number,
        name=common.name,
        kind=str(entry["kind"]),
        model=common.model,
        timeout=common.timeout,
        max_parallel=common.max_parallel,
        weight=common.weight,
        env=common.env,
        price=None if common.price is None else common.price.known,
        require_token=token,
        remote=judges.is_remote(str(entry["kind"])),
        settings=settings,
        sha256=fingerprint(str(entry["kind"]), common.model, settings, require_token=token),
    )


def _keys(
    entry: Mapping[str, Any], kind: type[judges.Judge], where: str, file: Path
) -> tuple[JudgeKeys, Any]:
    """Tell the keys that all kinds have from the kind's own."""
    common = [field.name for field in msgspec.structs.fields(JudgeKeys)]
    own = [field.encode_name for field in msgspec.structs.fields(kind.Settings)]
    for key in entry:
        if key not in common and key not in own:
            raise ExperimentError(
                f"{file}: {where}: unknown key {key!r} for kind {entry['kind']!r}; "
                f"remove it or {use_one([*own, *common])}"
            )
    given, settings = ({k: v for k, v in entry.items() if k in names} for names in (common, own))
    return (
        convert(given, JudgeKeys, file=file, where=where),
        convert(settings, kind.Settings, file=file, where=where),
    )


def check_usable(text: str | None, where: str) -> None:
    """Refuse the name of a judge or a model that no command line and no report could bear."""
    if text is not None and (text.startswith("-") or not _NAME.fullmatch(text)):
        raise ExperimentError(
            f"{where}: {text[:128]!r} is not usable; use up to 128 letters, digits "
            "and ._:/@+- and no leading '-'"
        )


def _kind(entry: Mapping[str, Any], where: str, file: Path) -> type[judges.Judge]:
    name = entry.get("kind")
    known = use_one(judges.names())
    if name is None:
        raise ExperimentError(f"{file}: {where}: the key 'kind' is missing; {known}")
    try:
        found = judges.find(name) if isinstance(name, str) else None
    except ExperimentError as error:  # of a package that offers it
        raise ExperimentError(f"{file}: {where}.kind: {error}") from None
    if found is None:
        raise ExperimentError(f"{file}: {where}: unknown kind {name!r}; {known}")
    return found


def fingerprint(kind: str, model: str | None, settings: Any, *, require_token: bool) -> str:
    """Hash what can change an answer: kind, model, settings, token.

    Not limits, time-outs, weight, price, environment, the judge's name, or settings that its
    kind names as ``UNHASHED``; of the
    program in ``argv`` only its base name, so that a judgment survives a move to a
    machine that keeps the program elsewhere.
    """
    values = msgspec.to_builtins(settings)
    values = {k: v for k, v in values.items() if k not in getattr(settings, "UNHASHED", ())}
    argv = values.get("argv")
    if argv:
        values = values | {"argv": [argv[0].rsplit("/", 1)[-1], *argv[1:]]}
    covered = {
        "version": FINGERPRINT_VERSION,
        "kind": kind,
        "model": model,
        "require_token": require_token,
        "settings": values,
    }
    text = json.dumps(covered, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
