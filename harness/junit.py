"""JUnit XML of slots as they stand on disk, so that a killed session has one, too."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from harness.model import SlotStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from harness.model import Experiment, Slot
    from harness.scan import Scan

_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""What XML 1.0 has no place for; to name what it has a place for would take ms to compile."""


def junit_xml(scans: Iterable[Scan], node_id: Callable[[Experiment, str], str]) -> bytes:
    """Return a suite for each experiment, a test case for each slot, named as pytest names it.

    A judged slot passed, whatever it says; a failed one is a failure with its message; a
    missing or a blocked one is skipped, with the reason.
    """
    suites = [_suite(scan, node_id) for scan in scans]
    text = '<?xml version="1.0" encoding="utf-8"?>\n<testsuites>\n'
    return (text + "".join(suites) + "</testsuites>\n").encode()


def _suite(scan: Scan, node_id: Callable[[Experiment, str], str]) -> str:
    experiment = scan.layout.experiment
    counts = scan.counts()
    head = {
        "name": experiment.name,
        "errors": 0,
        "failures": counts[SlotStatus.FAILED],
        "skipped": counts[SlotStatus.MISSING] + counts[SlotStatus.BLOCKED],
        "tests": len(scan.slots),
        "time": f"{sum(_seconds(slot) for slot in scan.slots):.3f}",
    }
    cases = "".join(_case(slot, node_id(experiment, slot.name)) for slot in scan.slots)
    return f"<testsuite{_attributes(head)}>\n{cases}</testsuite>\n"


def _case(slot: Slot, identity: str) -> str:
    file, _, name = identity.partition("::")
    head = {
        "classname": file.replace("/", "."),
        "name": name,
        "time": f"{_seconds(slot):.3f}",
    }
    inner = "".join(_inner(slot))
    return f"<testcase{_attributes(head)}>{inner}</testcase>\n"


def _inner(slot: Slot) -> Iterator[str]:
    yield f"<properties>{''.join(_properties(slot))}</properties>"
    message = {"message": slot.why}
    match slot.status:
        case SlotStatus.FAILED:
            yield f"<failure{_attributes(message)}>{_text(slot.why)}</failure>"
        case SlotStatus.MISSING | SlotStatus.BLOCKED:
            kind = {"type": "pytest.skip", **message}
            yield f"<skipped{_attributes(kind)}>{_text(slot.why)}</skipped>"


def slot_properties(slot: Slot) -> dict[str, str]:
    """Return what a test case says of its slot, by name; what is unknown is left out."""
    found: dict[str, Any] = {
        "status": slot.status.value,
        "judge": slot.judge.name,
        "model": slot.judge.model,
    }
    if slot.judgment is not None:
        made = slot.judgment.provenance
        found |= {"score": slot.judgment.score, "passed": slot.judgment.passed}
        found |= {name: made.get(name) for name in ("model_answered", "cost_usd", "attempt")}
        tokens = made.get("tokens")
        found |= {f"tokens_{k}": v for k, v in tokens.items()} if isinstance(tokens, dict) else {}
    return {name: _clean(str(value)) for name, value in found.items() if value is not None}


def _properties(slot: Slot) -> Iterator[str]:
    for name, value in slot_properties(slot).items():
        yield f"<property{_attributes({'name': name, 'value': value})}/>"


def _seconds(slot: Slot) -> float:
    value = None if slot.judgment is None else slot.judgment.provenance.get("duration_seconds")
    known = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if known and value is not None and 0 <= value < 1e9 else 0.0  # noqa: PLR2004 - thirty years are a damaged file


def _attributes(values: dict[str, Any]) -> str:
    from xml.sax.saxutils import quoteattr  # brings the whole HTTP client

    return "".join(f" {name}={quoteattr(_clean(str(value)))}" for name, value in values.items())


def _text(text: str) -> str:
    from xml.sax.saxutils import escape

    return escape(_clean(text))


def _clean(text: str) -> str:
    return _UNWRITABLE.sub(lambda match: f"#x{ord(match.group()):02X}", text)
