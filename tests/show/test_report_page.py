"""A run's page in a real browser: walked through, filtered, read aloud, attacked, and large."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from opencodeeval.cli import main as cli
from opencodeeval.core.types import Completion, Grade, Program, Prompt, SuiteResult, Verdict
from opencodeeval.runs.rows import ExecutionKey
from opencodeeval.runs.store import RunStore
from tests.support.browser import DESKTOP, PHONE, Visit, chromium
from tests.support.hostile_run import HOSTILE, SAMPLES, TASK, make
from tests.support.records import record, sealed, write

TASKS, SAMPLES_A_TASK = 500, 10


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def page_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make(tmp_path_factory.mktemp("run"))
    assert cli.main(["report", str(folder)]) == 0
    return folder / "report.html"


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a stored run of 5000 samples, with different programs of 20 lines."""
    output = tmp_path_factory.mktemp("large")
    counts = {f"large/{task}": (SAMPLES_A_TASK, 5) for task in range(TASKS)}
    content = record(counts)
    store = RunStore(output, {"a": "run"})
    content["run_id"] = store.run_id
    content["timing"] |= {"started": "2026-01-01T00:00:00+00:00"}
    content["totals"] |= {"prompt_tokens": 0, "completion_tokens": 0}
    for task in counts:
        store.add_prompt(Prompt(task, text=f"def f(x):  # {task}\n"))
        for sample in range(SAMPLES_A_TASK):
            code = f"def f(x):\n    # {task} {sample}\n" + "    x = [x + 1, 'text']\n" * 20
            completion = Completion(task, sample, code)
            program = Program(task, sample, code, "answer")
            verdict = Verdict.PASSED if sample < 5 else Verdict.WRONG
            suite = SuiteResult(verdict, tests_run=3, tests_total=3)
            store.add_completion(completion)
            store.add_program(completion, program, "")
            store.add_grade(
                ExecutionKey(task, f"{sample}", "", "1", ""), Grade(task, sample, {"base": suite})
            )
    store.close()
    path = write(output, sealed(content))
    assert cli.main(["report", str(path)]) == 0
    return store.folder / "report.html"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_it_fetches_nothing_fits_and_has_no_barriers(
    browser: Browser, page_path: Path, viewport: dict[str, int], scheme: str
) -> None:
    visit = Visit(browser, viewport=viewport, color_scheme=scheme)
    page = visit.open(page_path, "#1.2")
    for summary in page.locator("summary").all():
        summary.click()
    assert visit.outside() == []
    assert visit.complaints == []
    assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"]
    assert visit.barriers() == []


def test_a_sample_is_shown_with_its_verdict_its_failure_and_its_colours(
    browser: Browser, page_path: Path
) -> None:
    page = Visit(browser).open(page_path)
    expect(page.get_by_role("heading", name="task/")).to_contain_text("sample 0")
    page.get_by_role("button", name="sample 1, wrong").click()
    expect(page.locator(".suites")).to_contain_text("wrong")
    assert page.get_by_label("Expected", exact=True).inner_text() == repr(HOSTILE)
    assert page.get_by_label("Got", exact=True).inner_text() == repr(HOSTILE + HOSTILE)
    program = page.get_by_label("Program", exact=True)
    assert program.text_content() == SAMPLES[1]
    assert program.locator(".t-k").all_inner_texts() == ["def", "return"]
    page.get_by_role("button", name="Next sample").click()
    expect(page.get_by_label("Error output (stderr)")).to_contain_text("window.harm=1")
    expect(page.get_by_text("3 of 3")).to_have_count(0)


def test_samples_are_walked_through_and_filtered_with_the_keyboard(
    browser: Browser, page_path: Path
) -> None:
    page = Visit(browser).open(page_path)
    tasks = page.get_by_role("list").locator("button")
    tasks.first.focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("heading", name="task/plain, sample 0")).to_be_visible()
    expect(tasks.nth(1)).to_be_focused()
    expect(tasks.nth(1)).to_have_attribute("aria-current", "true")
    page.locator("#verdicts").get_by_role("button", name="error").focus()
    page.keyboard.press("Space")
    expect(page.locator("#count")).to_have_text("2 of 2 tasks, 2 samples")
    expect(page.locator("#sample-title")).to_have_text("task/plain, sample 2")
    expect(page.get_by_role("button", name="Next sample")).to_be_disabled()
    page.get_by_role("button", name="Previous sample").press("Enter")
    expect(page.locator("#sample-title")).to_have_text(f"{TASK}, sample 2")
    page.get_by_label("Task, or text").fill("PLAIN")
    expect(page.locator("#count")).to_have_text("1 of 2 tasks, 1 samples")
    page.get_by_label("Task, or text").fill("FILE=SYS.STDERR")
    expect(page.locator("#count")).to_have_text("2 of 2 tasks, 2 samples")
    # The name of a field is no text of a sample.
    page.get_by_label("Task, or text").fill("tests_run")
    expect(page.locator("#count")).to_contain_text("No sample is left")
    page.get_by_label("Task, or text").fill("</SCRIPT><script>")
    expect(page.locator("#count")).to_have_text("2 of 2 tasks, 2 samples")
    page.get_by_label("Task, or text").fill("found in nothing")
    expect(page.locator("#count")).to_contain_text("No sample is left")


def test_an_address_leads_to_a_sample(browser: Browser, page_path: Path) -> None:
    page = Visit(browser).open(page_path, "#1.2")
    expect(page.locator("#sample-title")).to_have_text("task/plain, sample 2")
    page = Visit(browser).open(page_path, "#7.<img>")
    expect(page.locator("#sample-title")).to_have_text(f"{TASK}, sample 0")


def test_filters_are_in_the_address_and_errors_are_counted_by_kind(
    browser: Browser, page_path: Path
) -> None:
    page = Visit(browser).open(page_path)
    kind = page.get_by_label("Kind of error")
    assert kind.locator("option").all_inner_texts() == [
        "all",
        "ValueError (2)",
        "wrong answer (2)",
    ]
    kind.select_option("ValueError")
    page.get_by_label("Task, or text").fill("plain")
    expect(page.locator("#count")).to_have_text("1 of 2 tasks, 1 samples")
    page.locator("#verdicts").get_by_role("button", name="error").click()
    address = page.evaluate("location.hash")
    assert address == "#1.2&verdict=error&kind=ValueError&text=plain"
    again = Visit(browser).open(page_path, address)
    expect(again.locator("#count")).to_have_text("1 of 2 tasks, 1 samples")
    expect(again.locator("#sample-title")).to_have_text("task/plain, sample 2")
    expect(again.locator("#verdicts [aria-pressed=true]")).to_contain_text("error")
    assert again.get_by_label("Kind of error").input_value() == "ValueError"
    # An address that is put into an open page is followed as well.
    again.evaluate("location.hash = '#0.1'")
    expect(again.locator("#sample-title")).to_have_text(f"{TASK}, sample 1")
    expect(again.locator("#count")).to_have_text("2 of 2 tasks, 6 samples")


@pytest.mark.parametrize("guarded", [True, False], ids=["as-it-is", "without-its-policy"])
def test_html_in_programs_names_and_output_is_text(
    browser: Browser, page_path: Path, tmp_path: Path, guarded: bool
) -> None:
    text = page_path.read_text("utf-8")
    if not guarded:
        text = re.sub(r"<meta http-equiv=[^>]*>", "", text)
    path = tmp_path / "page.html"
    path.write_text(text, "utf-8")
    visit = Visit(browser)
    page = visit.open(path)
    for number in range(2 * len(SAMPLES)):
        for summary in page.locator("#detail summary").all():
            summary.click()
        assert "window.harm" in page.locator("#detail").inner_text(), number
        if number < 2 * len(SAMPLES) - 1:
            page.get_by_role("button", name="Next sample").click()
    page.wait_for_timeout(100)
    assert page.evaluate("window.harm") is None
    assert page.locator("img").count() == 0
    assert page.locator("script").count() == 1 + 1 + 1
    assert visit.outside() == []
    assert visit.complaints == []


def test_the_policy_stops_what_escaping_would_have_let_through(
    browser: Browser, page_path: Path, tmp_path: Path
) -> None:
    path = tmp_path / "page.html"
    broken = "<script>window.harm=3</script><img src=http://127.0.0.1:9/x onerror=window.harm=4>"
    path.write_text(page_path.read_text("utf-8").replace("</main>", broken + "</main>"), "utf-8")
    visit = Visit(browser)
    page = visit.open(path)
    page.wait_for_timeout(100)
    assert page.evaluate("window.harm") is None
    assert len(visit.complaints) >= 2


def test_nothing_in_the_scripts_makes_elements_out_of_text(repo_root: Path) -> None:
    paths = list((repo_root / "opencodeeval" / "show" / "pages").glob("*.js"))
    assert paths
    for path in paths:
        text = path.read_text("utf-8")
        assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b", text)


def test_thousands_of_samples_do_not_hold_up_the_browser(browser: Browser, large: Path) -> None:
    # Several blocks of texts, each short where it is packed.
    assert large.stat().st_size < 1_500_000
    page = Visit(browser).open(large)
    expect(page.locator("#count")).to_have_text("500 of 500 tasks, 5000 samples")
    assert page.locator("#tasks button").count() == 100
    assert page.locator("*").count() < 2000
    assert page.locator("script[data-of]").count() > 2
    # Longer than this and a click is felt; the second is for a busy machine.
    walked = page.evaluate(
        """() => {
            const worst = [];
            for (let turn = 0; turn < 30; turn++) {
                const before = performance.now();
                document.getElementById("next").click();
                document.body.offsetHeight;
                worst.push(performance.now() - before);
            }
            return Math.max(...worst);
        }"""
    )
    assert walked < 1000
    started = time.monotonic()
    page.get_by_label("Task, or text").fill("large/499 9")
    expect(page.locator("#count")).to_have_text("1 of 500 tasks, 10 samples")
    assert time.monotonic() - started < 5
    page.locator("#verdicts").get_by_role("button", name="wrong").click()
    expect(page.locator("#sample-title")).to_have_text("large/499, sample 5")


def test_it_prints_the_sample_without_the_lists(browser: Browser, page_path: Path) -> None:
    page = Visit(browser).open(page_path, "#1.1")
    page.emulate_media(media="print")
    expect(page.get_by_role("navigation")).to_be_hidden()
    expect(page.get_by_label("Program", exact=True)).to_be_visible()
    assert page.pdf(format="A4")[:5] == b"%PDF-"
