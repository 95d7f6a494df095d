"""The page of a folder of results: what it lists, and that its links lead somewhere."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from playwright.sync_api import Browser, expect

from opencodeeval.cli import main as cli
from tests.support.browser import DESKTOP, PHONE, Visit, chromium
from tests.support.records import greedy, record, write
from tests.support.stored_runs import stored_run


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Two runs with folders, a record alone, a run that is not finished, a leaderboard."""
    folder = tmp_path / "results"
    stored_run(folder, "owner/one", greedy("10"))
    stored_run(folder, "owner/two", greedy("11"), benchmark="mbpp")
    write(folder, record(greedy("110"), model="owner/alone & <b>"))
    (folder / "runs" / "0123456789ab").mkdir()
    (folder / "runs" / "0123456789ab" / "run.json").write_text("{}")
    assert cli.main(["leaderboard", str(folder)]) == 0
    (folder / "notes.html").write_text("somebody's own")
    return folder


def report(*arguments: str | Path) -> int:
    return cli.main(["report", *map(str, arguments)])


def targets(page: Path) -> list[Path]:
    return [
        page.parent / unquote(each) for each in re.findall(r'href="([^"#]*)"', page.read_text())
    ]


def test_every_link_leads_to_something(results: Path, tmp_path: Path) -> None:
    assert report(results) == 0
    page = results / "index.html"
    links = [each for each in targets(page) if not str(each).endswith("data:,")]
    assert all(each.exists() for each in links)
    names = [each.relative_to(results).as_posix() for each in links]
    assert names[0] == "leaderboard.html"
    assert sum(name.startswith("runs/") for name in names) == 3
    assert not [name for name in names if name.endswith("report.html")]
    text = page.read_text()
    assert "notes.html" not in text
    assert text.count("its run folder is not here") == 1
    assert "runs/0123456789ab" in text.split("Runs that are not finished")[1]
    # From another place too.
    assert report(results, "--output", tmp_path / "elsewhere" / "page.html") == 0
    page = tmp_path / "elsewhere" / "page.html"
    assert all(each.exists() for each in targets(page) if not str(each).endswith("data:,"))


def test_all_makes_the_reports_too(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report(results, "--all") == 0
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 3
    assert printed[-1] == str(results / "index.html")
    assert (results / "index.html").read_text().count("report.html") == 2
    (run, _) = (each.parent for each in results.glob("runs/*/report.html"))
    assert report(run, "--all") == 2
    assert "--all is for a folder of results" in capsys.readouterr().err
    assert report(results, "--metric", "solved") == 2


def test_another_page_of_that_name_is_kept(results: Path, tmp_path: Path) -> None:
    (results / "index.html").write_text("mine")
    assert report(results) == 2
    assert (results / "index.html").read_text() == "mine"
    (tmp_path / "empty").mkdir()
    assert report(tmp_path / "empty") == 2


def test_it_is_filtered_and_sorted_and_has_no_barriers(browser: Browser, results: Path) -> None:
    shutil.rmtree(results / "runs" / "0123456789ab")
    assert report(results, "--all") == 0
    for viewport, scheme in ((PHONE, "dark"), (DESKTOP, "light")):
        visit = Visit(browser, viewport=viewport, color_scheme=scheme)
        page = visit.open(results / "index.html")
        assert visit.outside() == []
        assert visit.complaints == []
        assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"]
        assert visit.barriers() == []
    names = page.locator("tbody tr:visible th")
    page.get_by_role("button", name="Score").click()
    assert names.all_inner_texts() == ["owner/two", "owner/alone & <b>", "owner/one"]
    page.get_by_role("button", name="Model").click()
    assert names.all_inner_texts() == ["owner/alone & <b>", "owner/one", "owner/two"]
    page.get_by_label("Model, benchmark or protocol").fill("MBPP")
    expect(page.get_by_role("status")).to_have_text("1 of 3 runs")
    page.get_by_role("link", name="report", exact=True).click()
    expect(page.locator("h1")).to_have_text("owner/two")
