"""The page: its structure, its policy, its size, and what hostile texts do not do to it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import TYPE_CHECKING

import pytest

from harness.report import charts, html
from harness.report.write import look_at, write_report
from harness.text import safe_text
from tests.pages import PAYLOADS, judged, parsed
from tests.workshop import scanned

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


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
    criteria = [table for table in tables if "half of it" in table]
    assert [t for t in tables if "<caption>" not in t and t not in criteria] == []
    assert {attributes.get("scope") for attributes in page.named("th")} == {"col", "row"}
    regions = [a for a in page.named("div") if a.get("class") == "scroll"]
    assert all(a.get("role") == "region" and a.get("aria-label") for a in regions)


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

    hostile, harmless = page_about(payload, "hostile"), page_about("word", "harmless")
    assert hostile == harmless
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
    """What is known of a run is inside its details, closed until asked for."""
    (exp / "runs" / "a" / "judge_prompt.md").write_text("Grade it.\n")
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


def test_a_report_that_is_too_large_for_one_page_gets_pages_of_runs(
    tmp_path: Path, make_experiment: Callable[..., Path]
) -> None:
    """Every page is below the bound, every run is on one of them, and each leads back."""
    runs = {f"g{n % 3}/r{n:03d}": f"{n} <&> " * 400 for n in range(60)}
    root = make_experiment(tmp_path / "exp", runs=runs, judges=1)
    config = root / "experiment.yaml"
    config.write_text(config.read_text().replace('"judges"', '"runs": "runs/*/*", "judges"', 1))
    found = scanned(root)
    shown = look_at(found, lambda _, name: name, str)
    file = tmp_path / "r.html"
    told: list[tuple[int, int]] = []
    made = dict(html.pages([(found, shown)], file, bound=150_000, step=lambda *a: told.append(a)))
    assert [path for path, content in made.items() if len(content) > 150_000] == []
    assert len(made) > 3
    assert told == [(n, 60) for n in range(1, 61)]
    links = [str(attributes["href"]) for attributes in parsed(made.pop(file)).named("a")]
    assert [path.name for path in made] == [href for href in links if href.startswith("r-e1-")]
    texts = [parsed(content) for content in made.values()]
    assert sum(len(page.named("details")) for page in texts) == 60
    assert all({"href": "r.html"} in page.named("a") for page in texts)
    titles = [page.text_of("h1") for page in texts]
    assert {title[0] for title in titles} == {f"exp: g{n}" for n in range(3)}
