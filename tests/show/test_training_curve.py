"""The page of a training run: axes that can be read, the mean, links, and no barriers."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from opencodeeval.cli import main as cli
from opencodeeval.records.reading import read_record
from opencodeeval.show.training_curve import Curve, Decided, Point, draw, page, short_number
from opencodeeval.stats.pass_at_k import Estimate
from opencodeeval.watch.evaluation import write_page
from opencodeeval.watch.loop import Evaluated
from tests.support.browser import PHONE, Visit, chromium
from tests.support.records import greedy
from tests.support.stored_runs import stored_run


@pytest.mark.parametrize(
    ("step", "shown"), [(50, "50"), (1500, "1.5k"), (144000, "144k"), (2e6, "2M"), (12345, "12345")]
)
def test_steps_on_the_axis_are_short(step: float, shown: str) -> None:
    assert short_number(step) == shown


def test_axes_of_long_trainings_have_room_for_their_labels() -> None:
    score = Estimate(0.5, 0.01, 0.99)
    points = tuple(Point(f"step-{step}", step, score) for step in range(0, 100_000, 500))
    drawing = draw(Curve("humaneval", points))
    assert [tick.text for tick in drawing.scores] == ["0", "20", "40", "60", "80", "100"]
    assert drawing.steps[-1].text == "99.5k"
    places = [tick.at for tick in drawing.steps]
    assert all(after - before > 85 for before, after in itertools.pairwise(places))


def test_the_page_has_the_mean_and_leads_to_records_runs_and_reports(tmp_path: Path) -> None:
    counts = greedy("1100")
    names = ("humaneval", "mbpp")
    step = [stored_run(tmp_path, "step-5", counts, name) for name in names]
    base = [stored_run(tmp_path, "base", greedy("1110"), name) for name in names]
    one = [stored_run(tmp_path, "step-9", counts, "humaneval")]
    results = [
        Evaluated("step-5", 5, "f", tuple(map(str, step)), "pass", "because"),
        # Of a checkpoint that lacks a benchmark there is no mean to compare.
        Evaluated("step-9", 9, "f", tuple(map(str, one)), problem="mbpp failed"),
    ]
    assert cli.main(["report", str(step[0])]) == 0
    path = write_page(tmp_path, "t", results, [read_record(each) for each in base])
    text = path.read_text()
    mean = text[text.index("<main") :].split("<h2>humaneval</h2>")[0]
    assert "<td>50.0</td>" in mean
    assert "<td>75.0</td>" in mean
    assert "step-9" not in mean
    links = [tmp_path / each for each in re.findall(r'<a href="([^"#]*)"', text)]
    assert len(links) == 3 * 2 + 1
    assert all(each.exists() for each in links)
    assert sum(each.name == "report.html" for each in links) == 1


def test_the_page_fits_a_phone_and_has_no_barriers(tmp_path: Path) -> None:
    baseline = Estimate(0.5, 0.4, 0.6)
    points = tuple(
        Point(f"step-{step}", step, baseline, answer, cautions=("9 % cut off",))
        for step, answer in enumerate(("pass", "regression", "inconclusive"))
    )
    path = tmp_path / "watch.html"
    decided = [Decided("step-1", "regression", "the candidate is worse " * 9)]
    path.write_text(page("t", [Curve("humaneval", points, baseline)], ["a problem"], decided))
    with chromium() as browser:
        for scheme in ("light", "dark"):
            visit = Visit(browser, viewport=PHONE, color_scheme=scheme)
            opened = visit.open(path)
            assert visit.outside() == []
            assert visit.complaints == []
            assert opened.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
            assert visit.barriers() == []
            # Labels of the axes are as tall as text that can be read.
            box = opened.locator("svg text").first.bounding_box()
            assert box
            assert box["height"] >= 12
