"""Whether a judgment was made from what is there now, and by the judge whose slot it lies in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.config import FINGERPRINT_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from harness.criteria import Rubric
    from harness.model import JudgeSpec, Judgment, Run


MADE_FROM = ("rubric_sha256", "rubric_fingerprint", "rubric_asks")
"""What intents and judgments record of the rubric that the prompt holds."""


def rubric_marks(rubric: Rubric | None) -> dict[str, str | None]:
    """Return what is recorded of a rubric."""
    if rubric is None:
        return dict.fromkeys(MADE_FROM)
    return dict(zip(MADE_FROM, (rubric.sha256, rubric.fingerprint, rubric.asks), strict=True))


def staleness(
    judgment: Judgment, run: Run, judge: JudgeSpec, prompt_sha256: Callable[[], str | None]
) -> str | None:
    """Say what changed since a judgment was made; None if nothing did, or if nobody knows.

    The frozen prompt is looked at only if that decides.
    """
    made_from = judgment.provenance
    if not made_from:  # of another tool: nobody knows
        return None
    own = is_own(judgment, judge)
    changed = []
    if not own or _differs(made_from, "judge_sha256", _comparable(made_from, judge)):
        changed.append("the judge's configuration")
    if run.rubric is not None and rubric_changed(made_from, run.rubric):
        changed.append("the rubric")
    if _differs(made_from, "inputs_sha256", run.inputs_sha256):
        changed.append("the task, the output, or the template")
    if not changed and isinstance(made_from.get("prompt_sha256"), str):
        present = prompt_sha256()
        if present is not None and present != made_from["prompt_sha256"]:
            changed.append("the frozen prompt")
    if not changed:
        return None
    why = f"{' and '.join(changed)} changed since"
    return why if own else f"{why}; it is a judgment by {_author(made_from)}"


def is_own(judgment: Judgment, judge: JudgeSpec) -> bool:
    """Tell whether a judgment may count as the one of ``judge``.

    It is another's if its provenance names another kind or model, or another name and
    another configuration: a judge may be renamed, but its place in the panel may not be
    taken by someone else who is then credited with its word. A judgment that does not
    say whose it is belongs to its slot.
    """
    made_from = judgment.provenance
    if not made_from:
        return True
    present = _comparable(made_from, judge)
    if present is not None and made_from.get("judge_sha256") == present:
        return True
    if any(_differs(made_from, *named) for named in (("judge", judge.name), ("kind", judge.kind))):
        return False
    return "model" not in made_from or made_from["model"] == judge.model


def _comparable(made_from: Mapping[str, Any], judge: JudgeSpec) -> str | None:
    """Return the judge's fingerprint if it covers the same settings as the recorded one."""
    recorded = made_from.get("judge_fingerprint", 1)
    return judge.sha256 if recorded == FINGERPRINT_VERSION else None


def rubric_changed(made_from: Mapping[str, Any], rubric: Rubric) -> bool:
    """Tell whether more than comments, layout, name, and description of the rubric changed."""
    if not _differs(made_from, "rubric_sha256", rubric.sha256):
        return False
    recorded = made_from.get("rubric_fingerprint")
    return recorded is None or recorded != rubric.fingerprint


def _differs(made_from: Mapping[str, Any], key: str, present: str | None) -> bool:
    recorded = made_from.get(key)
    return present is not None and isinstance(recorded, str) and recorded != present


def _author(made_from: Mapping[str, Any]) -> str:
    kind, model = made_from.get("kind"), made_from.get("model")
    parts = [str(part) for part in (kind, model) if part is not None]
    name = str(made_from.get("judge") or "another judge")
    return f"{name} ({', '.join(parts)})" if parts else name
