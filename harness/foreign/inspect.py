"""Logs of Inspect: the samples of a ``.eval`` file, or of a log in JSON."""

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
    except (ValueError, KeyError, zipfile.BadZipFile) as error:
        raise SelectionError(f"{path}: is no log of Inspect ({error})") from None


def _archive(found: bytes) -> tuple[dict[str, Any], Iterator[dict[str, Any]]]:
    with contextlib.suppress(ImportError):  # Zstandard for Pythons before 3.14, once imported
        import_module("zipfile_zstd")
    archive = zipfile.ZipFile(io.BytesIO(found))
    names = [name for name in archive.namelist() if name.startswith("samples/")]
    return _member(archive, "header.json"), (_member(archive, name) for name in sorted(names))


def _member(archive: zipfile.ZipFile, name: str) -> dict[str, Any]:
    if archive.getinfo(name).file_size > MEMBER_CAP:
        raise ValueError(f"{name} is too large")
    with archive.open(name) as stream:
        return parse_json_object(stream.read(MEMBER_CAP).decode("utf-8", "replace"))


def _record(sample: dict[str, Any], head: dict[str, Any]) -> Record:
    made = head.get("eval") if isinstance(head.get("eval"), dict) else {}
    asked = sample.get("input")
    task = asked if isinstance(asked, str) else _messages(asked)
    epoch = sample.get("epoch") or 1
    meta = {
        "inspect_id": sample.get("id"),
        "epoch": epoch,
        "target": sample.get("target"),
        "inspect_task": made.get("task") if made else None,
        "scores": _scores(sample.get("scores")),
        **(sample["metadata"] if isinstance(sample.get("metadata"), dict) else {}),
    }
    model = made.get("model") if made else None
    return Record(
        id=f"{sample['id']}-epoch-{epoch}",
        task=task,
        output=_output(sample),
        group=model if isinstance(model, str) else None,
        meta={key: value for key, value in meta.items() if value not in (None, {}, "")},
    )


def _messages(asked: Any) -> str:
    """Return a conversation as text; a single message is its own text."""
    found = [message for message in asked or [] if isinstance(message, dict)]
    if len(found) == 1:
        return text_of(found[0].get("content"))
    return "\n\n".join(f"{m.get('role', 'user')}: {text_of(m.get('content'))}" for m in found)


def _output(sample: dict[str, Any]) -> str:
    output = sample.get("output")
    if not isinstance(output, dict):
        return ""
    for choice in output.get("choices") or []:
        message = choice.get("message") if isinstance(choice, dict) else None
        if isinstance(message, dict):
            return text_of(message.get("content"))
    completion = output.get("completion")
    return completion if isinstance(completion, str) else ""


def _scores(scores: Any) -> dict[str, Any]:
    found = scores.items() if isinstance(scores, dict) else ()
    return {
        name: score["value"]
        for name, score in found
        if isinstance(score, dict) and "value" in score
    }
