"""The page of two runs side by side: what it shows, where it leads, and that texts stay texts."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from opencodeeval.cli import main as cli
from tests.support.browser import DESKTOP, PHONE, Visit, chromium
from tests.support.embedded import embedded, unpacked
from tests.support.records import Counts
from tests.support.stored_runs import stored_run

HOSTILE = "</script><script>window.harm=1</script><img src=x onerror=window.harm=2>\"'`<!--"
BASE: Counts = {"t/0": (2, 2), "t/1": (2, 0), "t/2": (2, 1), "t/3": (2, 0)}
TUNED: Counts = {"t/0": (2, 1), "t/1": (2, 2), "t/2": (2, 1), "t/3": (2, 0)}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of two models' runs on two benchmarks, with their page."""
    results = tmp_path_factory.mktemp("results")
    for benchmark in ("humaneval", "mbpp"):
        stored_run(results, "owner/base", BASE, benchmark, HOSTILE)
        stored_run(results, "owner/tuned", TUNED, benchmark, HOSTILE)
    assert compare(results, "--page", results / "page.html") == 0
    return results


def compare(results: Path, *options: str | Path) -> int:
    sides = [f"{results}/*/owner--{name}--*.json" for name in ("base", "tuned")]
    return cli.main(["compare", *sides, *map(str, options)])


def test_every_sample_of_both_runs_is_there(made: Path) -> None:
    page = (made / "page.html").read_text("utf-8")
    first, second = embedded(page)["index"]["benchmarks"]
    assert (first["title"], second["title"]) == ("humaneval v1", "mbpp v1")
    assert first["tasks"] == [
        ["t/0", "pp", "pw", [2, 2], [1, 2]],
        ["t/1", "ww", "pp", [0, 2], [2, 2]],
        ["t/2", "pw", "pw", [1, 2], [1, 2]],
        ["t/3", "ww", "ww", [0, 2], [0, 2]],
    ]
    base, tuned = unpacked(page, 1)[0]["sides"]
    assert [sample["code"].split("\n")[0] for sample in (*base, *tuned)] == [
        "def f(x):  # owner/base 0",
        "def f(x):  # owner/base 1",
        "def f(x):  # owner/tuned 0",
        "def f(x):  # owner/tuned 1",
    ]
    assert tuned[1]["suites"]["base"]["failure"]["got"] == HOSTILE + "owner/tuned"
    # Both were asked the same, so the prompt is there once.
    assert len(unpacked(page)[0]["prompts"]) == 1


def test_a_run_folder_that_is_missing_and_another_file_are_said(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results"
    shutil.copytree(made, results)
    (results / "notes.html").write_text("mine")
    assert compare(results, "--page", results / "notes.html") == 2
    assert (results / "notes.html").read_text() == "mine"
    shutil.rmtree(results / "runs")
    capsys.readouterr()
    assert compare(results) == 0
    assert compare(results, "--page", results / "page.html") == 2
    assert "bring it here" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("viewport", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")], ids=["desktop", "phone"]
)
def test_it_fetches_nothing_fits_has_no_barriers_and_runs_no_text(
    browser: Browser, made: Path, viewport: dict[str, int], scheme: str
) -> None:
    visit = Visit(browser, viewport=viewport, color_scheme=scheme)
    page = visit.open(made / "page.html")
    for summary in page.locator("summary").all():
        summary.click()
    assert visit.outside() == []
    assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"]
    assert visit.barriers() == []
    assert page.evaluate("window.harm") is None
    assert page.locator("img").count() == 0
    assert visit.complaints == []


def test_changed_tasks_come_first_and_filters_are_in_the_address(
    browser: Browser, made: Path
) -> None:
    page = Visit(browser).open(made / "page.html")
    tasks = page.locator("#tasks button")
    assert tasks.all_inner_texts() == ["t/0\n2 of 2 → 1 of 2", "t/1\n0 of 2 → 2 of 2"]
    page.get_by_role("button", name="sample 1 of B, wrong").click()
    assert "owner/base 0" in page.locator("#detail-A").inner_text()
    assert "owner/tuned 1" in page.locator("#detail-B").inner_text()
    page.get_by_role("button", name="Next task").click()
    expect(page.locator("#task-title")).to_have_text("t/1")
    expect(page.get_by_role("button", name="Next task")).to_be_disabled()
    page.get_by_label("Which").select_option("neither")
    expect(page.locator("#count")).to_have_text("1 of 4 tasks")
    page.get_by_label("Benchmark").select_option("1")
    page.get_by_label("Which").select_option("all")
    page.get_by_label("Task, or text").fill("DEF F")
    expect(page.locator("#count")).to_have_text("4 of 4 tasks")
    page.get_by_label("Task, or text").fill("# T/2")
    expect(page.locator("#count")).to_have_text("1 of 4 tasks")
    address = page.evaluate("location.hash")
    again = Visit(browser).open(made / "page.html", address)
    expect(again.locator("#count")).to_have_text("1 of 4 tasks")
    expect(again.locator("#task-title")).to_have_text("t/2")
    assert again.get_by_label("Benchmark").input_value() == "1"
