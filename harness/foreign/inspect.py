"""Logs of Inspect (``inspect_ai``), ``.eval`` or ``.json``: a run for each sample and epoch."""

from __future__ import annotations

import contextlib
import io
import zipfile
from importlib import import_module
from typing import TYPE_CHECKING, Any

from harness.errors import SelectionError
from harness.foreign.record import Record, content, text_of
from harness.json_text import parse_json_object

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MEMBER_CAP = 1 << 28
"""Bytes of one sample."""

HEADS = ("header.json", "_journal/start.json")
"""Where an archive says what was run; a session that was killed has only the second."""

ATTACHED = "attachment://"
"""What stands in a message for a content that the sample keeps beside its messages."""


def records(path: Path) -> Iterator[Record]:
    """Yield the run of each sample and epoch; the model is the group."""
    found = content(path)
    try:
        if found.startswith(b"PK"):
            head, samples = _archive(found)
        else:
            head = parse_json_object(found.decode("utf-8-sig", "replace"))
            samples = iter(head.get("samples") or [])
        yield from (_record(sample, head) for sample in samples)
    except NotImplementedError:
        raise SelectionError(
            f"{path}: is compressed with Zstandard, which this Python cannot read; "
            "install what it needs with: pip install 'pytest-judge-panel[inspect]'"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise SelectionError(f"{path}: is no log of Inspect ({error})") from None


def _archive(found: bytes) -> tuple[dict[str, Any], Iterator[dict[str, Any]]]:
    with contextlib.suppress(ImportError):  # Zstandard for Pythons before 3.14, once imported
        import_module("zipfile_zstd")
    archive = zipfile.ZipFile(io.BytesIO(found))
    names = archive.namelist()
    head = next((name for name in HEADS if name in names), HEADS[0])
    samples = sorted(name for name in names if name.startswith("samples/"))
    return _member(archive, head), (_member(archive, name) for name in samples)


def _member(archive: zipfile.ZipFile, name: str) -> dict[str, Any]:
    if archive.getinfo(name).file_size > MEMBER_CAP:
        raise ValueError(f"{name} is too large")
    with archive.open(name) as stream:
        return parse_json_object(stream.read(MEMBER_CAP).decode("utf-8", "replace"))


def _record(sample: dict[str, Any], head: dict[str, Any]) -> Record:
    made = _object(head.get("eval"))
    asked = sample.get("input")
    epoch = sample.get("epoch") or 1
    known = {
        "inspect_id": sample.get("id"),
        "epoch": epoch,
        "target": sample.get("target"),
        "inspect_task": made.get("task"),
        "scores": _scores(sample.get("scores")),
        "error": _object(sample.get("error")).get("message"),
    }
    known = {key: value for key, value in known.items() if value not in (None, {}, "")}
    more = _object(sample.get("metadata"))
    clash = {key: value for key, value in more.items() if key in known or key == "id"}
    if clash:
        known["metadata"] = clash
    model = made.get("model")
    return Record(
        id=f"{sample['id']}-epoch-{epoch}",
        task=_resolved(asked if isinstance(asked, str) else _messages(asked), sample),
        output=_resolved(_output(sample), sample),
        group=model if isinstance(model, str) else None,
        meta={**{key: value for key, value in more.items() if key not in clash}, **known},
    )


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _messages(asked: Any) -> str:
    """Return a conversation as text; a single message is its own text."""
    found = [message for message in asked or [] if isinstance(message, dict)]
    if len(found) == 1:
        return text_of(found[0].get("content"))
    return "\n\n".join(f"{m.get('role', 'user')}: {text_of(m.get('content'))}" for m in found)


def _output(sample: dict[str, Any]) -> str:
    """Return what the model said last; an agent's last answer may be a call of a tool only."""
    output = _object(sample.get("output"))
    choices = [_object(choice) for choice in output.get("choices") or []]
    said = [_object(choice.get("message")) for choice in choices[:1]]
    said += [
        message
        for message in reversed(sample.get("messages") or [])
        if isinstance(message, dict) and message.get("role") == "assistant"
    ]
    texts = (text_of(message.get("content")) for message in said)
    completion = output.get("completion")
    return next(filter(None, texts), completion if isinstance(completion, str) else "")


def _resolved(text: str, sample: dict[str, Any]) -> str:
    """Return a text, from among the attachments if that is where the sample keeps it."""
    attached = _object(sample.get("attachments"))
    kept = attached.get(text.removeprefix(ATTACHED)) if text.startswith(ATTACHED) else None
    return kept if isinstance(kept, str) else text


def _scores(scores: Any) -> dict[str, Any]:
    found = scores.items() if isinstance(scores, dict) else ()
    return {
        name: score["value"]
        for name, score in found
        if isinstance(score, dict) and "value" in score
    }
