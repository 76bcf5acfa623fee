"""Charts: drawings with words for those who cannot see them, and nothing a policy forbids."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from harness.report.charts import charts
from harness.report.svg import embeddable
from harness.report.write import look_at
from tests.pages import PAYLOADS, judged, parsed
from tests.workshop import scanned

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.report.panorama import Panorama

pytest.importorskip("matplotlib")


def shown(root: Path) -> Panorama:
    """Look at an experiment."""
    return look_at(scanned(root), lambda _, name: name, str)


@pytest.fixture
def exp(tmp_path: Path, make_experiment: Callable[..., Path]) -> Path:
    """Return an experiment of four judged runs and two judges."""
    root = make_experiment(tmp_path / "exp", runs=["a", "b", "c", "d"], name="demo")
    for run, one, two in (("a", 0.1, 0.2), ("b", 0.5, 0.4), ("c", 1.0, 1.0), ("d", 0.0, 1.0)):
        judged(root, run, 1, one)
        judged(root, run, 2, two)
    return root


def test_each_chart_says_in_words_what_it_shows(exp: Path) -> None:
    """The caption is the drawing's text alternative, too."""
    made = charts(shown(exp), "e1")
    assert {name: chart.caption for name, chart in made.items()} == {
        "coverage": "Slots of each judge by status: 8 complete, 0 missing, 0 failed.",
        "groups": "Consensus score of demo: 0.53.",
        "judges": "Mean scores: judge-a 0.40, judge-b 0.65.",
        "pairs": "Scores of two judges on the same runs; on the diagonal they agree. "
        "Mean distance: judge-a and judge-b 0.30.",
    }
    for name, chart in made.items():
        page = parsed(chart.svg)
        assert page.named("svg")[0]["role"] == "img"
        assert page.named("svg")[0]["aria-labelledby"] == f"e1-{name}-title e1-{name}-text"
        assert page.text_of("desc") == [chart.caption]


def test_drawings_have_no_styles_of_their_own(exp: Path) -> None:
    """Colours are classes, so that the page decides what they are by day and by night."""
    for chart in charts(shown(exp), "e1").values():
        page = parsed(chart.svg)
        assert page.named("style", "metadata", "image", "script") == []
        assert [attributes for _, attributes in page.tags if "style" in attributes] == []
        drawn = {a[k] for _, a in page.tags for k in ("fill", "stroke") if k in a}
        assert drawn <= {"none"}


def test_equal_experiments_give_equal_drawings(exp: Path) -> None:
    """Nothing of a drawing is left to chance or to the clock."""
    assert charts(shown(exp), "e1") == charts(shown(exp), "e1")


@pytest.mark.parametrize("payload", PAYLOADS)
def test_the_name_of_a_group_is_a_name(
    payload: str, tmp_path: Path, make_experiment: Callable[..., Path]
) -> None:
    """It is neither a formula nor markup."""
    root = make_experiment(tmp_path / "exp", runs=["a"])
    judged(root, "a", 1, 0.5)
    judged(root, "a", 2, 0.5)
    made = shown(root)
    level = replace(made.agreement.groups[0], name=payload)
    made = replace(made, agreement=replace(made.agreement, groups=(level,)))
    tags = {tag for chart in charts(made, "x").values() for tag, _ in parsed(chart.svg).tags}
    assert tags <= {"svg", "title", "desc", "g", "path", "defs", "use", "text", "clippath", "rect"}


def test_ids_and_the_references_to_them_get_the_prefix() -> None:
    """Two drawings on one page do not take each other's shapes."""
    drawing = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
        '<defs><path id="m"/></defs><g clip-path="url(#p)"><use xlink:href="#m" '
        'style="stroke: #000001; stroke-width: 0.8; behavior: url(x)"/></g></svg>'
    )
    assert embeddable(drawing, prefix="p1", title="T", text="D") == (
        '<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="p1-title p1-text">'
        '<title id="p1-title">T</title><desc id="p1-text">D</desc>'
        '<defs><path id="p1-m" /></defs><g clip-path="url(#p1-p)">'
        '<use stroke-width="0.8" class="stroke-ink" href="#p1-m" /></g></svg>'
    )
