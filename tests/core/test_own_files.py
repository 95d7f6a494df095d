"""Commands that write where the user says overwrite no file that they did not make."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from opencodeeval.cli import main as cli
from opencodeeval.core.errors import UsageError
from opencodeeval.core.own_files import check_own, write_own
from opencodeeval.show.leaderboard import FILES
from tests.support.records import greedy, record, write

OURS = "# The project\n\nThis took a year to write.\n"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    write(tmp_path, record(greedy("1100"), model="owner/first"))
    return tmp_path


@pytest.mark.parametrize("name", FILES)
def test_the_leaderboard_leaves_a_users_file_as_it_is(
    results: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (results / name).write_text(OURS)
    assert cli.main(["leaderboard", str(results)]) == 2
    said = capsys.readouterr().err
    assert f"{results / name} was not made by `opencodeeval leaderboard`" in said
    assert (results / name).read_text() == OURS
    # Nothing of it was written, so the folder is as it was.
    assert [each for each in FILES if (results / each).exists()] == [name]


def test_the_leaderboard_replaces_its_own_files(results: Path) -> None:
    assert cli.main(["leaderboard", str(results)]) == 0
    before = {name: (results / name).read_text() for name in FILES}
    write(results, record(greedy("1110"), model="owner/second"))
    assert cli.main(["leaderboard", str(results)]) == 0
    assert all((results / name).read_text() != before[name] for name in FILES)


def test_files_of_earlier_versions_are_replaced(results: Path, repo_root: Path) -> None:
    """As they were committed before files had marks."""
    for name in FILES:
        shown = ["git", "-C", str(repo_root), "show", f"db7e670:results/{name}"]
        found = subprocess.run(shown, capture_output=True)
        if found.returncode:
            pytest.skip("the history is not here")
        (results / name).write_bytes(found.stdout)
    assert cli.main(["leaderboard", str(results)]) == 0


@pytest.mark.parametrize("form", ["model-index", "csv"])
def test_publish_leaves_a_model_card_as_it_is(results: Path, form: str) -> None:
    card = results / "README.md"
    card.write_text("---\nlicense: apache-2.0\nmodel-index:\n- name: x\n---\n# Mine\n")
    before = card.read_bytes()
    command = ["publish", str(results), "--format", form, "--output"]
    assert cli.main([*command, str(card)]) == 2
    assert card.read_bytes() == before
    for _ in range(2):
        assert cli.main([*command, str(results / "scores")]) == 0


@pytest.mark.parametrize("option", ["--markdown", "--json", "--junit"])
def test_the_gates_reports_leave_other_files_as_they_are(results: Path, option: str) -> None:
    (path,) = results.glob("*/*--*.json")
    before = path.read_bytes()
    command = ["gate", "--baseline", str(path), "--candidate", str(path), option]
    assert cli.main([*command, str(path)]) == 2
    assert path.read_bytes() == before
    for _ in range(2):
        assert cli.main([*command, str(results / "gate.out")]) == 11


def test_the_watch_leaves_another_page_as_it_is(results: Path, tmp_path: Path) -> None:
    (results / "watch.html").write_text(OURS)
    (tmp_path / "ckpts").mkdir()
    command = ["watch", str(tmp_path / "ckpts"), "--bench", "starter", "--output", str(results)]
    assert cli.main([*command, "--once", "--settle", "0"]) == 2
    assert (results / "watch.html").read_text() == OURS


def test_the_mark_is_that_of_the_command(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    write_own({page: '<meta content="made by opencodeeval report">'}, "report")
    write_own({page: '<meta content="made by opencodeeval report">2'}, "report")
    with pytest.raises(UsageError, match="rename it"):
        check_own([page], "leaderboard")


def test_empty_files_links_and_pipes_are_written_to(tmp_path: Path) -> None:
    empty, link, real = (tmp_path / name for name in ("empty", "link", "real"))
    empty.touch()
    real.touch()
    link.symlink_to(real)
    write_own({empty: "one", link: "two"}, "gate")
    assert (empty.read_text(), link.is_symlink(), real.read_text()) == ("one", True, "two")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_own({pipe: "three"}, "gate")
        assert os.read(reader, 100) == b"three"
    finally:
        os.close(reader)
    assert pipe.is_fifo()
