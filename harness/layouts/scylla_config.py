"""How a ProjectScylla experiment is judged: its own config, and what overrides it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness import config, files
from harness.errors import ExperimentError
from harness.keys import ExperimentKeys
from harness.layouts import registry
from harness.layouts.native import CONFIG as OVERRIDES
from harness.layouts.scylla_places import CONFIG
from harness.rules import scylla_rule
from harness.typed import use_one

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from harness.consensus import Rule
    from harness.model import JudgeSpec

DEFAULT_KIND = "claude"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the two files together say."""

    panel: tuple[JudgeSpec, ...]
    people: tuple[JudgeSpec, ...]
    rule: Rule
    runs_per_subtest: int
    keys: ExperimentKeys


def read_settings(root: Path) -> Settings:
    """Read the config and, if it is there, ``experiment.yaml``; ``ExperimentError`` if damaged."""
    file, overrides = root / CONFIG, root / OVERRIDES
    found = _read_config(file, root)
    if files.is_there(overrides):
        keys = config.read_keys(files.load_yaml(overrides, root=root), overrides)
        _check_overrides(keys, overrides)
    else:
        keys = ExperimentKeys(layout="scylla")
    listed = _panel(_models(found, file), keys, overrides if keys.judges else file)
    panel, people = config.members(listed)
    return Settings(
        panel=panel,
        people=people,
        rule=scylla_rule(keys.consensus, len(panel), file=overrides),
        runs_per_subtest=_count(found, "runs_per_subtest", file),
        keys=keys,
    )


def _read_config(file: Path, root: Path) -> dict[str, Any]:
    match files.read_json(file, root=root):
        case files.Ok(value):
            return dict(value)
        case files.Missing():
            raise ExperimentError(f"{file}: there is no such file; restore the experiment's config")
        case files.Invalid(why):
            raise ExperimentError(f"{file}: {why}; restore the experiment's config")
        case files.Unreadable(why):
            raise ExperimentError(f"{file}: cannot be read ({why}); mend its permissions")


def _models(found: Mapping[str, Any], file: Path) -> list[str]:
    """Return the judges' models, in order; older configs have one, under another name."""
    models = found.get("judge_models")
    if models is None and "judge_model" in found:
        models = [found["judge_model"]]
    if not isinstance(models, list) or not all(isinstance(m, str) and m for m in models):
        raise ExperimentError(f"{file}: judge_models: must be a list of model names; correct it")
    if not models:
        raise ExperimentError(f"{file}: judge_models: the panel is empty; list at least one model")
    for index, model in enumerate(models):
        config.check_usable(model, f"{file}: judge_models[{index}]")
    return models


def _count(found: Mapping[str, Any], key: str, file: Path) -> int:
    value = found.get(key, 0)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 10_000:  # noqa: PLR2004 - a typing error, not an experiment
        raise ExperimentError(f"{file}: {key}: must be a whole number from 0 to 10000; correct it")
    return value


def _check_overrides(keys: ExperimentKeys, file: Path) -> None:
    if keys.layout not in (None, *(known := registry.names())):
        raise ExperimentError(f"{file}: layout: unknown value {keys.layout!r}; {use_one(known)}")
    if keys.layout != "scylla":
        raise ExperimentError(
            f"{file}: stands beside {CONFIG} without overriding it; add layout: scylla"
        )
    default = ExperimentKeys()
    for key in ("task", "rubric", "runs"):
        if getattr(keys, key) != getattr(default, key):
            raise ExperimentError(f"{file}: {key}: has no meaning with layout: scylla; remove it")


def _panel(models: list[str], keys: ExperimentKeys, file: Path) -> tuple[JudgeSpec, ...]:
    """Lay the entries of ``experiment.yaml`` over the config's judges, in order."""
    entries = list(keys.judges or ())
    token = True if keys.require_token is None else keys.require_token
    specs: list[JudgeSpec] = []
    for index in range(max(len(models), len(entries))):
        known = _known(models, index)
        if index < len(entries):
            entry = {"kind": DEFAULT_KIND, **known, **entries[index]}
            specs.append(config.judge_spec(entry, index + 1, keys, file=file))
        else:
            specs.append(config.default_spec(DEFAULT_KIND, number=index + 1, token=token, **known))
    config.check_panel(specs, file)
    return tuple(specs)


def _known(models: list[str], index: int) -> dict[str, str]:
    """Return what the config says of a judge; a model that judges twice gets two names."""
    if index >= len(models):
        return {}
    model = models[index]
    name = model if models.count(model) == 1 else f"{model}-{index + 1}"
    return {"name": name, "model": model}
