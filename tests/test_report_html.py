"""The page: its structure, its policy, its size, and what hostile texts do not do to it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from harness.report import charts, html, paging
from harness.report.write import look_at, write_report
from harness.text import safe_text
from tests.pages import PAYLOADS, judged, parsed
from tests.workshop import scanned

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


HARMLESS: list[tuple[str, set[str]]] = []
"""The tags of a page about texts that are words; made once."""


def report(root: Path, file: Path) -> bytes:
    """Write a report about one experiment and return the page."""
    written = write_report(
        file, [scanned(root)], node_id=lambda e, name: f"{e.name}::{name}", shown=str
    )
    assert written == [file]
    return file.read_bytes()


@pytest.fixture
def exp(tmp_path: Path, make_experiment: Callable[..., Path]) -> Path:
    """Return an experiment with judges that disagree, a failed slot, and a blocked run."""
    outputs = {"a": "Done.\n", "b": "Done.\n", "c": "Done.\n", "d": None}
    root = make_experiment(tmp_path / "exp", runs=outputs, judges=3, name="demo")
    points = {"achieved": 1, "max": 2, "reason": "half of it"}
    for run, scores in (("a", (0.9, 0.8, 0.1)), ("b", (0.7, 0.6, 0.5))):
        for number, score in enumerate(scores, 1):
            judged(root, run, number, score, criteria_scores={"c1": {"items": {"X1": points}}})
    (root / "runs" / "c" / "judge" / "judge_01").mkdir(parents=True)
    (root / "runs" / "c" / "judge" / "judge_01" / "judgment.json").write_text("{}")
    return root


def test_the_sections_come_in_the_order_in_which_people_ask(exp: Path, tmp_path: Path) -> None:
    """Coverage, who won, the judges, their agreement, each run, the calls, failures, what next."""
    page = parsed(report(exp, tmp_path / "r.html"))
    assert page.text_of("h1") == ["Judge panel: demo"]
    assert page.text_of("h2") == ["demo"]
    assert page.text_of("h3") == [
        "Coverage",
        "Consensus by group",
        "Judges side by side",
        "Agreement",
        "Runs",
        "Calls",
        "Failures",
        "What to run next",
    ]


def test_every_table_has_a_caption_and_every_header_a_scope(exp: Path, tmp_path: Path) -> None:
    """A screen reader can say what a figure is about."""
    text = report(exp, tmp_path / "r.html").decode()
    page = parsed(text)
    tables = re.findall(r"<table>.*?</table>", text, re.DOTALL)
    assert len(tables) == len(page.named("table")) > 8
    assert [t for t in tables if not t.startswith("<table><caption><span>")] == []
    assert sum("half of it" in table for table in tables) == 6
    scopes = {attributes.get("scope") for attributes in page.named("th")}
    assert scopes == {"col", "row", "colgroup"}
    regions = [a for a in page.named("div") if a.get("class") == "scroll"]
    assert all(a.get("role") == "region" and a.get("aria-label") for a in regions)


def test_no_level_of_headings_is_left_out(exp: Path, tmp_path: Path) -> None:
    """An outline made from the headings has no holes, on pages of runs neither."""
    found = scanned(exp)
    shown = look_at(found, lambda _, name: name, str)
    made = paging.pages([(found, shown)], tmp_path / "r.html", bound=100_000)
    for content in [report(exp, tmp_path / "r.html"), *(content for _, content in made)]:
        tags = [tag for tag, _ in parsed(content).tags]
        levels = [int(tag[1]) for tag in tags if re.fullmatch("h[1-6]", tag)]
        assert levels[0] == 1
        assert [(a, b) for a, b in pairwise(levels) if b > a + 1] == []


def test_every_id_is_there_once_and_every_link_inside_leads_to_one(
    exp: Path, tmp_path: Path, make_experiment: Callable[..., Path]
) -> None:
    """Two experiments on one page do not share an id, nor do their charts."""
    other = make_experiment(tmp_path / "other", runs=["a"], judges=2)
    judged(other, "a", 1, 0.5)
    judged(other, "a", 2, 0.5)
    file = tmp_path / "r.html"
    scans = [scanned(exp), scanned(other)]
    write_report(file, scans, node_id=lambda e, name: f"{e.name}::{name}", shown=str)
    page = parsed(file.read_bytes())
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    inside = [
        str(href)[1:]
        for _, attributes in page.tags
        if (href := attributes.get("href")) and str(href).startswith("#")
    ]
    assert inside
    assert [target for target in inside if target not in ids] == []
    named = [str(a["aria-labelledby"]).split() for _, a in page.tags if "aria-labelledby" in a]
    assert [name for names in named for name in names if name not in ids] == []


def test_the_policy_forbids_everything_but_the_pages_own_style(exp: Path, tmp_path: Path) -> None:
    """No script, no remote asset, no style attribute; the policy names the one style sheet."""
    text = report(exp, tmp_path / "r.html").decode()
    page = parsed(text)
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert page.named("meta")[1] == {
        "http-equiv": "Content-Security-Policy",
        "content": f"default-src 'none'; style-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'",
    }
    names = {tag for tag, _ in page.tags}
    assert names & {"script", "iframe", "object", "embed", "link", "base", "form", "img"} == set()
    assert [a for _, a in page.tags if "style" in a or "src" in a] == []
    assert re.findall(r"(?:href|src)=\"(?:[a-z]+:|//)[^\"]*", text) == []
    assert "@import" not in text
    assert re.findall(r"url\((?!#)", text) == []


@pytest.mark.parametrize("payload", PAYLOADS)
def test_what_agents_and_judges_write_is_text(
    payload: str, tmp_path: Path, make_experiment: Callable[..., Path]
) -> None:
    """A payload in every text of an experiment adds no tag and no attribute to the page."""

    def page_about(text: str, place: str) -> list[tuple[str, set[str]]]:
        shown = text.encode("utf-8", "replace").decode()
        root = make_experiment(tmp_path / place, runs={"a": shown, "b": shown}, task=shown)
        points = {"achieved": 1, "max": 2, "reason": text}
        for run in ("a", "b"):
            (root / "runs" / run / "judge_prompt.md").write_text(shown, "utf-8")
            scores = {text: {"items": {text: points}}}
            judged(root, run, 1, 0.4, reasoning=text, grade=text, criteria_scores=scores)
            group = {"group": safe_text(text), "meta": {"x": safe_text(text)}}
            (root / "runs" / run / "run.yaml").write_text(json.dumps(group), "utf-8")
        judged(root, "a", 2, 0.9, reasoning=text)
        attempt = root / "runs" / "b" / "judge" / "judge_02" / "attempts" / "20260101T000000Z-x"
        attempt.mkdir(parents=True)
        (attempt / "intent.json").write_text('{"started": "2026-01-01T00:00:00+00:00"}')
        (attempt / "stdout").write_text(shown, "utf-8")
        (attempt / "exit.json").write_text(json.dumps({"outcome": "failed", "why": text}))
        content = report(root, tmp_path / f"{place}.html").decode()
        return [(tag, set(attributes)) for tag, attributes in parsed(content).tags]

    hostile = page_about(payload, "hostile")
    if not HARMLESS:
        HARMLESS.extend(page_about("word", "harmless"))
    assert hostile == HARMLESS
    assert [names for _, names in hostile if any(name.startswith("on") for name in names)] == []


def test_control_characters_are_made_visible(
    tmp_path: Path, make_experiment: Callable[..., Path]
) -> None:
    """A judge's text cannot turn the direction of the page's text, or hide in it."""
    root = make_experiment(tmp_path / "exp", runs=["a"])
    judged(root, "a", 1, 0.5, reasoning="left \u202e right \x1b[31m")
    page = parsed(report(root, tmp_path / "r.html"))
    assert "left \\u202e right \\x1b[31m" in page.text_of("pre")


def test_a_run_shows_prompt_output_criteria_reply_and_its_files(exp: Path, tmp_path: Path) -> None:
    """What is known of a run is inside its details, in this order, closed until asked for."""
    (exp / "runs" / "a" / "judge_prompt.md").write_text("Grade it.\n")
    (exp / "runs" / "a" / "judge" / "result.json").write_text("{}")
    attempt = exp / "runs" / "a" / "judge" / "judge_01" / "attempts" / "20260101T000000Z-x"
    attempt.mkdir(parents=True)
    (attempt / "intent.json").write_text('{"started": "2026-01-01T00:00:00+00:00"}')
    (attempt / "stdout").write_text("my verdict")
    (attempt / "exit.json").write_text(
        '{"outcome": "judged", "ended": "2026-01-01T00:00:02+00:00", "cost_usd": 0.25}'
    )
    page = parsed(report(exp, tmp_path / "r.html"))
    assert {"Grade it.", "Done.", "my verdict", "because"} <= set(page.text_of("pre"))
    assert "half of it" in page.text_of("td")
    told = [text for _, text in page.texts]
    told = told[told.index("demo::runs/a") :]
    places = [told.index(text) for text in ("Grade it.", "half of it", "because", "my verdict")]
    places += [told.index("Output"), told.index("Done."), told.index("consensus")]
    assert places == sorted(places)
    assert all("open" not in attributes for attributes in page.named("details"))
    links = [str(attributes["href"]) for attributes in page.named("a")]
    assert "./exp/runs/a/judge_prompt.md" in links
    assert "./exp/runs/a/judge/judge_01" in links
    assert any(text.startswith("judged in 2.0 s, 0.2500 USD;") for text in page.text_of("p"))


def test_failures_say_why(exp: Path, tmp_path: Path) -> None:
    """Slots that were tried and failed, and those that are blocked, are there with the reason."""
    page = parsed(report(exp, tmp_path / "r.html"))
    place = exp / "runs" / "c" / "judge" / "judge_01" / "judgment.json"
    assert f"{place}: not a judgment (score is missing)" in page.text_of("td")
    assert "demo::runs/d/judge_03" in page.text_of("th")


def test_without_matplotlib_there_are_tables_only_and_the_page_says_so(
    exp: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The charts need an extra; everything that they show is in a table as well."""
    monkeypatch.setattr(charts, "available", lambda: False)
    monkeypatch.setattr(html, "available", lambda: False)
    page = parsed(report(exp, tmp_path / "r.html"))
    assert page.named("svg") == []
    assert "This page has no charts: they need matplotlib," in page.text_of("p")
    assert "pip install 'pytest-judge-panel[report]'" in page.text_of("code")


def test_the_lanes_are_shown_with_how_full_they_were(exp: Path, tmp_path: Path) -> None:
    """After the slowest and the costliest calls."""
    for number, (start, end, cost) in enumerate(((0, 4, 0.5), (0, 2, None), (3, 4, None)), 1):
        directory = exp / "runs" / "a" / "judge" / f"judge_{number:02d}" / "attempts" / "1"
        directory.mkdir(parents=True)
        (directory / "intent.json").write_text(f'{{"started": "2026-01-01T00:00:0{start}+00:00"}}')
        ended = {"outcome": "judged", "ended": f"2026-01-01T00:00:0{end}+00:00", "cost_usd": cost}
        (directory / "exit.json").write_text(json.dumps(ended))
    page = parsed(report(exp, tmp_path / "r.html"))
    places = [
        place
        for place, (_, text) in enumerate(page.texts)
        if text in ("Slowest calls", "Costliest calls", "How full the lanes were")
    ]
    assert places == sorted(places)
    assert len(places) == 3
    assert (
        "The latest session made 3 attempts (those of judges that cost nothing included) in "
        "4.0 s, at most 2 at a time: 1.8 times as fast as one at a time, so the 2 lanes were "
        "88 % full."
    ) in page.text_of("p")


def test_a_panel_of_very_many_judges_has_no_matrix(
    tmp_path: Path, make_experiment: Callable[..., Path]
) -> None:
    """The page says where every pair is."""
    root = make_experiment(tmp_path / "exp", runs=["a"], judges=21)
    page = parsed(report(root, tmp_path / "r.html"))
    assert "21 judges are too many for a matrix;" in page.text_of("p")


# --- more than one page --------------------------------------------------------------------------


def large(root: Path, make: Callable[..., Path], *, text: str, group: int = 3) -> Path:
    """Make an experiment of 60 runs in groups, each with an output of a few thousand characters."""
    runs = {f"g{n % group:02d}/r{n:03d}": f"{n} {text}" for n in range(60)}
    make(root, runs=runs, judges=1)
    config = root / "experiment.yaml"
    config.write_text(config.read_text().replace('"judges"', '"runs": "runs/*/*", "judges"', 1))
    return root


def made_pages(root: Path, file: Path, bound: int) -> dict[str, bytes]:
    """Return the files of a report about one experiment by their names."""
    found = scanned(root)
    shown = look_at(found, lambda _, name: name, str)
    return {
        path.name: content for path, content in paging.pages([(found, shown)], file, bound=bound)
    }


@pytest.mark.parametrize("text", ["<&> " * 500, "\u4e2d" * 2000, "\u202e" * 1000])
def test_a_report_that_is_too_large_for_one_page_gets_pages_of_runs(
    text: str, tmp_path: Path, make_experiment: Callable[..., Path]
) -> None:
    """Every page is below the bound, in bytes, every run is on one of them, each leads back."""
    root = large(tmp_path / "exp", make_experiment, text=text)
    made = made_pages(root, tmp_path / "r.html", 150_000)
    assert [name for name, content in made.items() if len(content) > 150_000] == []
    assert len(made) > 3
    main = parsed(made.pop("r.html"))
    links = [str(attributes["href"]) for attributes in main.named("a")]
    assert sorted({link for link in links if link in made}) == sorted(made)
    texts = {name: parsed(content) for name, content in made.items()}
    assert sum(len(page.named("details")) for page in texts.values()) == 60
    assert all({"href": "r.html"} in page.named("a") for page in texts.values())
    titles = {page.text_of("h1")[0] for page in texts.values()}
    assert titles == {f"exp: g{n:02d}" for n in range(3)}
    # The scores stay on the first page, and lead to the runs.
    runs = [link.partition("#") for link in links if link.startswith("r-e1-") and "#" in link]
    assert len(runs) == 60
    assert [link for link in runs if {"id": link[2]} not in texts[link[0]].named("div")] == []


def test_progress_is_told_run_by_run(tmp_path: Path, make_experiment: Callable[..., Path]) -> None:
    """With how many there are."""
    found = scanned(large(tmp_path / "exp", make_experiment, text="x"))
    told: list[tuple[int, int]] = []
    shown = look_at(found, lambda _, name: name, str)
    list(paging.pages([(found, shown)], tmp_path / "r.html", step=lambda *a: told.append(a)))
    assert told == [(n, 60) for n in range(1, 61)]


def test_small_groups_share_a_page(tmp_path: Path, make_experiment: Callable[..., Path]) -> None:
    """A report of many groups is no heap of files."""
    root = large(tmp_path / "exp", make_experiment, text="<&> " * 130, group=60)
    made = made_pages(root, tmp_path / "r.html", 100_000)
    assert 2 < len(made) < 20
    first = parsed(made["r-e1-001.html"])
    groups = first.text_of("h2")
    assert len(groups) > 3
    assert first.text_of("h1") == [f"exp: {groups[0]} to {groups[-1]}"]


def test_scores_that_do_not_fit_are_with_the_runs(
    tmp_path: Path, make_experiment: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first page then leads to the pages of runs alone."""
    root = large(tmp_path / "exp", make_experiment, text="<&> " * 100)
    found = scanned(root)
    shown = look_at(found, lambda _, name: name, str)
    bare = html.page("report.html", title="", views=[html.View(shown, "e1", {}, scores=False)])
    monkeypatch.setattr(paging, "charts", lambda *_: {})
    made = made_pages(root, tmp_path / "r.html", len(bare) + 8_000)
    main = parsed(made.pop("r.html"))
    assert [a for a in main.named("a") if "#e1-run-" in str(a["href"])] == []
    rows = [a for content in made.values() for a in parsed(content).named("a")]
    assert sum(str(a["href"]).startswith("#e1-run-") for a in rows) == 60


def test_a_run_with_very_much_to_show_is_shortened_more(
    tmp_path: Path, make_experiment: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However large its texts become as HTML, a page with a single run is below the bound."""
    hostile = "\u202e" * 5_000
    root = make_experiment(tmp_path / "exp", runs={"a": hostile}, judges=4)
    item = {"achieved": 1, "max": 2, "reason": "\u202e" * 200}
    scores = {"c": {"items": {f"i{n}": item for n in range(100)}}}
    for number in range(1, 5):
        judged(root, "a", number, 0.5, reasoning=hostile, criteria_scores=scores)
    monkeypatch.setattr(paging, "charts", lambda *_: {})
    (content,) = made_pages(root, tmp_path / "r.html", 400_000).values()
    assert len(content) < 400_000
    assert parsed(content).text_of("summary")[1:] == ["10 criteria"] * 4
    (content,) = made_pages(root, tmp_path / "r.html", paging.BOUND).values()
    assert parsed(content).text_of("summary")[1:] == ["100 criteria"] * 4


def test_very_many_experiments_have_a_page_each(
    tmp_path: Path, make_experiment: Callable[..., Path]
) -> None:
    """The first page leads to all of them, and each back."""
    found = []
    for number in range(4):
        root = large(tmp_path / f"exp{number}", make_experiment, text="<&> " * 400)
        scan = scanned(root)
        found.append((scan, look_at(scan, lambda _, name: name, str)))
    file = tmp_path / "my report.html"
    made = {p.name: content for p, content in paging.pages(found, file, bound=150_000)}
    assert [name for name, content in made.items() if len(content) > 150_000] == []
    main = parsed(made["my report.html"])
    links = [str(a["href"]) for a in main.named("a")]
    assert links == [f"my%20report-e{n}.html" for n in range(1, 5)]
    for number in range(1, 5):
        page = parsed(made[f"my report-e{number}.html"])
        assert page.text_of("h2") == [f"exp{number - 1}"]
        assert {"href": "my%20report.html"} in page.named("a")
        assert [n for n in made if n.startswith(f"my report-e{number}-")]
