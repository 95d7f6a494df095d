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
    about = {"size": 7, "link": "https://example.org/theirs", "open_data": "full"}
    scores = [
        {**row, "model": "model-1", "score": 60},
        {**row, "model": "theirs", "score": 70, **about},
    ]
    told = {"source": "a paper", "scores": scores}
    (results / "published.json").write_text(json.dumps(told))
    assert cli.main(["leaderboard", str(results)]) == 0
    return results / "leaderboard.html"


def names(page: Page) -> list[str]:
    shown = page.locator("#board tbody button.open:visible")
    return [text.split("/")[-1] for text in shown.all_inner_texts()]


def ranks(page: Page) -> list[str]:
    return page.locator("#board tbody td.rank:visible").all_inner_texts()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_it_fetches_nothing_fits_and_has_no_barriers(
    browser: Browser, page_path: Path, viewport: dict[str, int], scheme: str
) -> None:
    visit = Visit(browser, viewport=viewport, color_scheme=scheme)
    page = visit.open(page_path)
    for part in ("choose", "bars", "curves"):
        page.locator(f"#{part} summary").click()
    page.get_by_role("button", name="model-1").click()
    assert visit.outside() == []
    assert visit.complaints == []
    assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"]
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    assert visit.barriers() == []


def test_rows_are_sorted_by_any_column_with_the_keyboard(browser: Browser, page_path: Path) -> None:
    page = Visit(browser).open(page_path)
    first = ["model-0", "model-2", "model-1", "sampled-0", "sampled-1", "theirs"]
    assert names(page) == first
    assert ranks(page) == ["1", "3", "4", "", "", "2"]
    heading = page.locator("th[data-c='0']")
    heading.get_by_role("button").focus()
    page.keyboard.press("Enter")
    assert heading.get_attribute("aria-sort") == "descending"
    assert names(page) == ["model-0", "theirs", "model-2", "model-1", "sampled-0", "sampled-1"]
    assert ranks(page) == ["1", "2", "3", "4", "", ""]
    page.keyboard.press("Enter")
    assert heading.get_attribute("aria-sort") == "ascending"
    assert names(page)[:4] == ["model-1", "model-2", "theirs", "model-0"]
    page.keyboard.press("Enter")
    assert names(page) == first
    page.get_by_role("button", name="Model", exact=True).click()
    assert names(page) == sorted(first)
    assert page.locator("[aria-sort]").count() == 1


def test_columns_are_chosen_and_empty_ones_fold(browser: Browser, page_path: Path) -> None:
    page = Visit(browser).open(page_path)
    headings = page.locator("#board th.score:visible")
    expect(headings).to_have_count(2)
    page.locator("#choose summary").click()
    page.get_by_label("mbpp v1 pass@10").check()
    expect(headings).to_have_count(3)
    expect(page.locator("#chosen")).to_have_text("3 of 3")
    page.get_by_label("Model", exact=True).fill("PLED-1")
    assert names(page) == ["sampled-1"]
    assert headings.all_inner_texts() == [
        "mbpp v1\npass@1 · plain 1 · 6 tasks",
        "mbpp v1\npass@10 · plain 1 · 6 tasks",
    ]
    expect(page.locator("#chosen")).to_have_text("2 of 3, 1 without a score folded")
    expect(page.locator("#count")).to_have_text("1 of 6 models")
    page.get_by_label("Model", exact=True).fill("nobody")
    expect(page.get_by_text("No model is left")).to_be_visible()
    page.get_by_label("Model", exact=True).fill("")
    page.get_by_role("button", name="Only one").click()
    expect(headings).to_have_count(1)
    page.get_by_role("button", name="Headline scores").click()
    expect(headings).to_have_count(2)


def test_drawings_are_made_when_they_are_opened_and_follow_the_filters(
    browser: Browser, page_path: Path
) -> None:
    page = Visit(browser).open(page_path)
    assert page.locator(".dots").count() == 0
    assert page.locator("polyline:visible").count() == 0
    page.locator("#bars summary").click()
    expect(page.locator(".dots:visible")).to_have_count(4)
    for mark in page.locator(".lane u").all():
        track, box = mark.locator("xpath=..").bounding_box(), mark.bounding_box()
        spoken = mark.locator("xpath=ancestor::div[1]").get_attribute("aria-label")
        assert track
        assert box
        share = (box["x"] + box["width"] / 2 - track["x"]) / track["width"]
        score = re.search(r"pass@1 ([0-9.]+), from", spoken or "")
        assert score
        assert 100 * share == pytest.approx(float(score[1]), abs=1)
    page.locator("#drawn").select_option("1")
    page.locator("#curves summary").click()
    page.get_by_label("Model", exact=True).fill("PLED-1")
    expect(page.locator(".dots:visible")).to_have_count(1)
    expect(page.locator("polyline:visible")).to_have_count(1)


def test_a_row_opens_to_its_record_its_run_and_its_report(
    browser: Browser, page_path: Path
) -> None:
    page = Visit(browser).open(page_path)
    row = page.get_by_role("button", name="sampled-1")
    row.focus()
    page.keyboard.press("Enter")
    assert row.get_attribute("aria-expanded") == "true"
    more = page.locator("tr.more")
    expect(more).to_contain_text("T 0.8")
    expect(more).to_contain_text("rank 2 of 2")
    links = [link.get_attribute("href") or "" for link in more.get_by_role("link").all()]
    record_path = page_path.parent / links[0]
    assert json.loads(record_path.read_text())["model"]["name"] == "owner/sampled-1"
    run = f"runs/{record_path.stem.rsplit('--', 1)[-1]}"
    assert links[1:] == [f"{run}/", f"{run}/report.html"]
    # It stays with its row, and goes with it.
    page.get_by_role("button", name="Model", exact=True).click()
    assert page.locator("tr.more").evaluate("line => line.previousElementSibling.innerText") == (
        row.locator("xpath=ancestor::tr").inner_text()
    )
    page.get_by_label("Model", exact=True).fill("model")
    expect(more).to_be_hidden()


def test_published_scores_are_told_apart(browser: Browser, page_path: Path) -> None:
    page = Visit(browser).open(page_path)
    page.get_by_role("button", name="model-1").click()
    more = page.locator("tr.more")
    expect(more.locator(".pub")).to_have_text("60.0")
    expect(more).to_contain_text("a paper")
    expect(more).to_contain_text("bars")
    assert page.locator("#board tr[data-origin='published'] td b").count() == 0
    expect(page.locator("#board tr[data-origin='published'] td .pub")).to_contain_text("70.0")
    page.get_by_role("button", name="theirs").click()
    expect(more.last).to_contain_text("7 billion parameters · training data open: all")
    about = page.get_by_role("link", name="about the model")
    assert about.get_attribute("href") == "https://example.org/theirs"
    page.get_by_label("published elsewhere, not measured").uncheck()
    assert "theirs" not in names(page)
    expect(more.last).to_be_hidden()


def test_the_theme_is_the_systems_until_it_is_chosen(browser: Browser, page_path: Path) -> None:
    page = Visit(browser, color_scheme="light").open(page_path)
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="Dark theme").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    page.reload()
    expect(page.get_by_role("button", name="Light theme")).to_be_visible()


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
    page.locator("#board thead button:visible").nth(1).click()
    page.locator("#board button.open").click()
    page.locator("#bars summary").click()
    page.wait_for_timeout(100)
    assert page.evaluate("window.harm") is None
    assert visit.outside() == []
    assert visit.complaints == []
    assert page.locator("img").count() == 0
    assert "onerror=window.harm" in page.locator("#board tbody th").first.inner_text()


def test_a_hundred_models_on_fourteen_benchmarks_stay_small(
    browser: Browser, tmp_path: Path
) -> None:
    """1,400 records; the size of what a browser has to read and lay out is what makes it slow."""
    for model in range(100):
        for benchmark in range(14):
            counts = greedy(f"{model * 7 + benchmark:010b}")
            write(tmp_path, record(counts, model=f"o/m-{model}", benchmark=f"bench{benchmark:02}"))
    assert cli.main(["leaderboard", str(tmp_path)]) == 0
    path = tmp_path / "leaderboard.html"
    assert path.stat().st_size < 1_500_000
    page = Visit(browser).open(path)
    assert page.locator("#board tbody tr").count() == 100
    assert page.locator("#board tbody td[data-c][data-value]").count() == 1400
    assert page.evaluate("document.documentElement.scrollHeight") < 3 * DESKTOP["height"]
    assert page.evaluate("document.querySelectorAll('*').length") < 12_000
    # The heads of the columns stay while the rows go by.
    page.locator("#board tbody tr").nth(90).scroll_into_view_if_needed()
    head, region = (page.locator(name).first.bounding_box() for name in ("thead th", ".scroll"))
    assert head
    assert region
    assert head["y"] == pytest.approx(region["y"], abs=3)
    page.get_by_role("button", name="m-90").click()
    assert page.locator("tr.more tbody tr").count() == 14
