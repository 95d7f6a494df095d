"""The leaderboard's page in a real browser: sorted, filtered, read aloud, printed, attacked."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from opencodeeval.cli import main as cli
from tests.support.browser import DESKTOP, PHONE, Visit, chromium
from tests.support.records import greedy, record, sealed, write

HOSTILE = "</script><script>window.harm=1</script><img src=x onerror=window.harm=2>\"'`"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def page_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A leaderboard of two benchmarks, with sampled and published scores."""
    results = tmp_path_factory.mktemp("results")
    for number, bits in enumerate(["1110", "1000", "1100"]):
        write(results, record(greedy(bits), model=f"owner/model-{number}"))
    for model, right in (("owner/sampled-0", 9), ("owner/sampled-1", 3)):
        counts = {f"t/{task}": (10, right - task % 3) for task in range(6)}
        write(results, record(counts, model=model, benchmark="mbpp", ks=(1, 10)))
    row = {"benchmark": "humaneval", "protocol": "plain", "suite": "base", "metric": "pass@1"}
    scores = [{**row, "model": "model-1", "score": 60}, {**row, "model": "theirs", "score": 90}]
    told = {"source": "a paper", "scores": scores}
    (results / "published.json").write_text(json.dumps(told))
    assert cli.main(["leaderboard", str(results)]) == 0
    return results / "leaderboard.html"


def names(page: Page) -> list[str]:
    shown = page.locator("#board tbody tr:visible th b")
    return [text.split("/")[-1] for text in shown.all_inner_texts()]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_it_fetches_nothing_fits_and_has_no_barriers(
    browser: Browser, page_path: Path, viewport: dict[str, int], scheme: str
) -> None:
    visit = Visit(browser, viewport=viewport, color_scheme=scheme)
    page = visit.open(page_path)
    assert visit.outside() == []
    assert visit.complaints == []
    assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"]
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    assert visit.barriers() == []


def test_rows_are_sorted_by_any_column_with_the_keyboard(browser: Browser, page_path: Path) -> None:
    page = Visit(browser).open(page_path)
    best = ["model-0", "model-2", "model-1", "sampled-0", "sampled-1"]
    assert names(page) == best
    heading = page.locator("th[data-group='0'][data-sort]").first
    assert heading.get_attribute("aria-sort") == "descending"
    heading.get_by_role("button").focus()
    page.keyboard.press("Enter")
    assert heading.get_attribute("aria-sort") == "ascending"
    assert names(page) == ["model-1", "model-2", "model-0", "sampled-0", "sampled-1"]
    page.keyboard.press("Enter")
    assert names(page) == best
    page.get_by_role("button", name="Model", exact=True).click()
    assert names(page) == ["model-0", "model-1", "model-2", "sampled-0", "sampled-1"]
    assert page.locator("[aria-sort]").count() == 1


def test_rows_columns_and_drawings_are_filtered_together(browser: Browser, page_path: Path) -> None:
    page = Visit(browser).open(page_path)
    assert page.locator("figure:visible").count() == 3
    page.get_by_label("Benchmark and protocol").select_option("1")
    assert names(page) == ["sampled-0", "sampled-1"]
    assert page.locator("#board td:visible").count() == 2 * 3
    assert page.locator("figure:visible").count() == 2
    page.get_by_label("Model", exact=True).fill("PLED-1")
    assert names(page) == ["sampled-1"]
    assert page.locator("polyline:visible").count() == 1
    expect(page.get_by_role("status")).to_have_text("1 of 6 rows")
    page.get_by_label("Model", exact=True).fill("nobody")
    expect(page.get_by_text("No model is left")).to_be_visible()


def test_published_scores_are_told_apart(browser: Browser, page_path: Path) -> None:
    page = Visit(browser).open(page_path)
    row = page.locator("#board tr:visible", has_text="model-1")
    expect(row.locator(".pub")).to_contain_text("60.0 published (a paper)")
    expect(row.locator(".pub")).to_contain_text("bars")
    assert "theirs" not in names(page)
    page.get_by_label("published elsewhere, not measured").check()
    assert "theirs" in names(page)
    assert page.locator("#board tr[data-origin='published'] .score b").count() == 0


def test_the_theme_is_the_systems_until_it_is_chosen(browser: Browser, page_path: Path) -> None:
    page = Visit(browser, color_scheme="light").open(page_path)
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="Dark theme").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    page.reload()
    expect(page.get_by_role("button", name="Light theme")).to_be_visible()


def test_every_mark_lies_where_its_score_says(browser: Browser, page_path: Path) -> None:
    page = Visit(browser).open(page_path)
    for mark in page.locator("#board .strip u").all():
        cell = mark.locator("xpath=ancestor::td")
        track = mark.locator("xpath=..").bounding_box()
        box = mark.bounding_box()
        assert track
        assert box
        share = (box["x"] + box["width"] / 2 - track["x"]) / track["width"]
        assert share == pytest.approx(float(cell.get_attribute("data-value") or "nan"), abs=0.01)


def test_it_prints_on_white_without_its_controls(browser: Browser, page_path: Path) -> None:
    page = Visit(browser, color_scheme="dark").open(page_path)
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    expect(page.locator(".controls")).to_be_hidden()
    expect(page.locator("#board")).to_be_visible()
    assert page.pdf(format="A4")[:5] == b"%PDF-"


@pytest.mark.parametrize("guarded", [True, False], ids=["as-it-is", "without-its-policy"])
def test_html_in_names_is_text(browser: Browser, tmp_path: Path, guarded: bool) -> None:
    content = record({"t/0": (4, 1), "t/1": (4, 2)}, model="owner/model", benchmark="b" + HOSTILE)
    content["model"]["name"] = HOSTILE
    content["model"]["identity"] |= {"model": HOSTILE, "weights_digest": HOSTILE}
    content["benchmark"] |= {"description": {"title": HOSTILE}, "suites": [HOSTILE]}
    content["benchmark"]["headline"] = HOSTILE
    content["protocol"] |= {"name": HOSTILE, "version": HOSTILE}
    content["pass@k"] = {HOSTILE: content["pass@k"]["base"]}
    for row in content["tasks"].values():
        row["c"] = {HOSTILE: row["c"]["base"]}
    write(tmp_path, sealed(content))
    assert cli.main(["leaderboard", str(tmp_path)]) == 0
    path = tmp_path / "leaderboard.html"
    if not guarded:
        path.write_text(re.sub(r"<meta http-equiv=[^>]*>", "", path.read_text()))
    visit = Visit(browser)
    page = visit.open(path)
    page.locator("#board thead button").nth(1).click()
    page.wait_for_timeout(100)
    assert page.evaluate("window.harm") is None
    assert visit.outside() == []
    assert visit.complaints == []
    assert page.locator("img").count() == 0
    assert "onerror=window.harm" in page.locator("#board tbody th").inner_text()
