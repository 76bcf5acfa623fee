"""A drawing of matplotlib as SVG that a page with a strict policy can hold.

No style attributes and no style sheet: what matplotlib writes as style becomes attributes,
and colours become classes, so that the page decides what they are, by day and by night.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

COLOURS = {
    "#000001": "ink",
    "#000002": "muted",
    "#000003": "line",
    "#000004": "paper",
    **{f"#0000{0x10 + number:02x}": f"c{number}" for number in range(8)},
    **{f"#0000{0x20 + number:02x}": f"t{number}" for number in range(5)},
}
"""What the charts draw with, and the name of each in the page's style sheet."""

NAMED = {name: colour for colour, name in COLOURS.items()}

_SVG = "http://www.w3.org/2000/svg"
_LINK = "{http://www.w3.org/1999/xlink}href"
_KEPT = {
    *("stroke-width", "stroke-linejoin", "stroke-linecap", "stroke-dasharray"),
    *("stroke-dashoffset", "opacity", "fill-opacity", "stroke-opacity", "text-anchor"),
}


def embeddable(svg: str, *, prefix: str, title: str, text: str) -> str:
    """Return the drawing for a page: ids begin with ``prefix``, ``text`` says what it shows."""
    ET.register_namespace("", _SVG)
    root = ET.fromstring(svg)  # noqa: S314 - matplotlib wrote it a moment ago
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f"{{{_SVG}}}metadata", f"{{{_SVG}}}style"):
                parent.remove(child)
    for element in root.iter():
        _restyle(element)
        _rename(element, prefix)
    for size in ("width", "height"):
        root.attrib.pop(size, None)
    root.attrib.pop("version", None)
    root.set("role", "img")
    root.set("aria-labelledby", f"{prefix}-title {prefix}-text")
    for place, (tag, words) in enumerate((("title", title), ("text", text))):
        child = ET.Element(f"{{{_SVG}}}{'desc' if tag == 'text' else tag}")
        child.set("id", f"{prefix}-{tag}")
        child.text = words
        root.insert(place, child)
    return ET.tostring(root, encoding="unicode")


def _restyle(element: ET.Element) -> None:
    classes = []
    declared = [part.partition(":") for part in element.attrib.pop("style", "").split(";")]
    found = {name.strip(): value.strip() for name, _, value in declared if value.strip()}
    for name in ("fill", "stroke"):
        if name in element.attrib:
            found.setdefault(name, element.attrib.pop(name))
    for name, value in found.items():
        if name in ("fill", "stroke") and value in COLOURS:
            classes.append(f"{name}-{COLOURS[value]}")
        elif name in ("fill", "stroke") or name in _KEPT:
            element.set(name, value)
        elif name in ("font", "font-size"):
            size = re.search(r"[\d.]+px", value)
            if size:
                element.set("font-size", size[0])
    if element.tag == f"{{{_SVG}}}text" and not any(name.startswith("fill") for name in classes):
        classes.append("fill-ink")
    if classes:
        element.set("class", " ".join(classes))


def _rename(element: ET.Element, prefix: str) -> None:
    if "id" in element.attrib:
        element.set("id", f"{prefix}-{element.attrib['id']}")
    link = element.attrib.pop(_LINK, None)
    if link is not None:
        element.set("href", f"#{prefix}-{link.removeprefix('#')}")
    for name, value in list(element.attrib.items()):
        if value.startswith("url(#"):
            element.set(name, f"url(#{prefix}-{value.removeprefix('url(#')}")
