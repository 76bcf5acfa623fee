"""Pages as tests look at them, and what hostile texts try to do to them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

PAYLOADS = (
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    '"><script>alert(1)</script>',
    "'><img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)',
    "' onfocus='alert(1)' autofocus='",
    "</pre><iframe src=javascript:alert(1)></iframe>",
    "</title><script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "<!-- --><script>alert(1)</script>",
    "]]><script>alert(1)</script>",
    "{{ 7 * 7 }}{% include 'x' %}",
    "<a href=javascript:alert(1)>x</a>",
    "[x](javascript:alert(1)) ![y](http://127.0.0.1/y.png)",
    "<meta http-equiv=refresh content='0;url=http://127.0.0.1/'>",
    "<base href=http://127.0.0.1/><link rel=stylesheet href=x.css>",
    "\x1b]8;;http://127.0.0.1\x07x\u202e | *a* `b` <form action=x><button formaction=y>",
    "$\\frac{1}{0}$ \ud800 \x00 &lt;script&gt;",
)
"""Twenty-one texts that would be markup, script, or a template where nobody escapes them."""


@dataclass
class Page(HTMLParser):
    """The tags of a page with their attributes, in order, and the text of some."""

    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    texts: list[tuple[str, str]] = field(default_factory=list)
    _open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the tag."""
        self.tags.append((tag, dict(attrs)))
        self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the tag, which has no text."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Keep a text with the innermost tag around it."""
        if data.strip() and self._open:
            self.texts.append((self._open[-1], " ".join(data.split())))

    def handle_endtag(self, tag: str) -> None:
        """Close the innermost tag of that name."""
        if tag in self._open:
            while self._open.pop() != tag:
                pass

    def named(self, *names: str) -> list[dict[str, str | None]]:
        """Return the attributes of the tags with one of these names."""
        return [attributes for tag, attributes in self.tags if tag in names]

    def text_of(self, name: str) -> list[str]:
        """Return the texts directly inside tags of this name."""
        return [text for tag, text in self.texts if tag == name]


def parsed(content: bytes | str) -> Page:
    """Parse a page."""
    page = Page()
    page.feed(content if isinstance(content, str) else content.decode())
    page.close()
    return page


def judged(root: Path, run: str, number: int, score: float, **keys: Any) -> None:
    """Write a judgment that passes from 0.5 on."""
    value = {"score": score, "passed": score >= 0.5, "reasoning": "because", **keys}
    path = root / "runs" / run / "judge" / f"judge_{number:02d}" / "judgment.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")
