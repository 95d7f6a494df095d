"""Benchmarks as folders: how they are found, what every one has to do, and what is refused."""

from __future__ import annotations

import json
import pickle
import re
import shutil
import sys
from pathlib import Path

import pytest

from opencodeeval.benchmarks import card_benchmark
from opencodeeval.benchmarks.cards import families, read_card, read_card_in
from opencodeeval.benchmarks.folders import folders
from opencodeeval.benchmarks.registry import load_benchmark
from opencodeeval.cli.main import main
from opencodeeval.core.errors import DataError, ExtensionError, UsageError
from opencodeeval.core.paths import benchmarks_dir
from opencodeeval.core.types import Completion, ModelType
from tests.support.distributions import install

NAMES = ("card.toml", "squares.jsonl", "base.jinja", "chat.jinja", "adapter.py")


def blocks(repo_root: Path) -> list[tuple[str, str]]:
    text = (repo_root / "docs" / "tutorial.md").read_text("utf-8")
    return re.findall(r"```(\w+)\n(.*?)```", text, re.DOTALL)


@pytest.fixture
def squares(tmp_path: Path, repo_root: Path) -> Path:
    """The folder that the tutorial makes."""
    folder = tmp_path / "squares"
    folder.mkdir()
    for name, (_, text) in zip(NAMES, blocks(repo_root), strict=False):
        (folder / name).write_text(text, encoding="utf-8")
    return folder


# --- the tutorial ---


def test_the_tutorial_makes_a_benchmark_in_under_sixty_lines_of_code(
    squares: Path, repo_root: Path
) -> None:
    code = [text for kind, text in blocks(repo_root)[: len(NAMES)] if kind in ("toml", "python")]
    lines = [line for text in code for line in text.splitlines() if line.strip()]
    assert len(lines) < 60
    benchmark = load_benchmark(str(squares))
    assert (benchmark.name, benchmark.spec) == ("squares", "squares@v1")


def test_the_tutorial_s_command_runs(
    squares: Path,
    repo_root: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(squares.parent)
    (command,) = [text for kind, text in blocks(repo_root) if kind == "sh"]
    first = command.splitlines()[0].split()
    assert first[0] == "opencodeeval"
    assert main([*first[1:], "--output", str(tmp_path / "out"), "--quiet", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["benchmarks"][0]
    assert told["verdicts"] == {"base": {"passed": 2}}
    assert main(["selfcheck", "./squares", "--times", "1", "--sandbox", "local", "--quiet"]) == 0


def test_a_distribution_s_benchmark_is_found_by_its_name(
    squares: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    package = installed(tmp_path / "site", squares, monkeypatch)
    assert folders()["squares"] == package / "squares"
    assert load_benchmark("squares").card.folder == package / "squares"
    assert main(["benchmarks"]) == 0
    assert f"from {package / 'squares'}" in capsys.readouterr().out


def installed(site: Path, folder: Path, patch: pytest.MonkeyPatch, name: str = "theirs") -> Path:
    """Install a folder as a distribution does: a package, and metadata with an entry point."""
    points = {"opencodeeval.benchmarks": {folder.name: f"{name}.{folder.name}"}}
    package = install(site, name, points, patch)
    shutil.copytree(folder, package / folder.name)
    (package / folder.name / "__init__.py").touch()
    return package


# --- what is refused ---


def test_two_benchmarks_with_one_name_are_refused(
    squares: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("theirs", "others"):
        installed(tmp_path / name, squares, monkeypatch, name)
    with pytest.raises(ExtensionError, match=r"named squares: .*theirs.*; uninstall or") as e:
        load_benchmark("starter")
    assert all(str(tmp_path / name) in str(e.value) for name in ("theirs", "others"))


def test_a_distribution_whose_folder_has_no_card_is_named(
    squares: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (squares / "card.toml").unlink()
    installed(tmp_path / "site", squares, monkeypatch)
    with pytest.raises(ExtensionError, match=r"theirs names theirs\.squares .* no package with"):
        folders()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('title = "Squares"\n', "", "the field title is missing"),
        ("tasks = 2", 'tasks = "two"', r"versions[0].tasks: must be a whole number, not text"),
        ("headline =", "headlin =", "there is no field protocols.headlin; available: "),
        ('licence = "MIT"', 'licence = "MIT"\nlicense = "MIT"', "there is no field license"),
        ('name = "squares"\ntitle', 'name = "cubes"\ntitle', "the folder's name is 'squares'"),
        ("suites = [", "suites = ", "is not TOML"),
        ('licence = "MIT"', 'licence = "MIT"\nlike = "cubes"', "'cubes', which is no benchmark"),
        ('kind = "folder"', 'kind = "ftp"', "'ftp' is none of the values that are known"),
        ("dataset =", "splt = 1, dataset =", "there is no field versions.source.splt"),
        ("temperature =", "temprature =", "there is no field protocols.sampling.temprature"),
        ('headline = "base"', 'headline = "plus"', "headline 'plus' of protocol squares is not"),
        ('[[protocols]]\nname = "squares"', "[[protocols]]", "a table lacks the field name"),
        ('licence = "MIT"', 'licence = "MIT"\nfolder = "/"', "there is no field folder"),
    ],
)
def test_a_card_that_is_not_as_it_has_to_be_is_refused(
    squares: Path, old: str, new: str, words: str
) -> None:
    path = squares / "card.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(DataError) as refused:
        load_benchmark(str(squares))
    assert str(path) in str(refused.value)
    assert words in str(refused.value)


def test_a_folder_without_a_card_is_refused(squares: Path) -> None:
    (squares / "card.toml").unlink()
    with pytest.raises(DataError, match=r"has no card\.toml, so it is no benchmark"):
        load_benchmark(str(squares))
    with pytest.raises(UsageError, match=r"there is no folder \./nowhere"):
        load_benchmark("./nowhere")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import nothing_of_this_name\n", "cannot be imported (ModuleNotFoundError: No module"),
        ("def f(:\n", "cannot be imported (SyntaxError: "),
        ("ADAPTER = 3\n", "defines no ADAPTER: it ends with `ADAPTER = Adapter(...)`"),
        ("import sys\nsys.exit(3)\n", "cannot be imported (SystemExit: 3)"),
        (None, "has no adapter.py"),
    ],
)
def test_an_adapter_that_cannot_be_used_is_refused(
    squares: Path, code: str | None, words: str
) -> None:
    path = squares / "adapter.py"
    path.unlink() if code is None else path.write_text(code)
    with pytest.raises(DataError) as refused:
        load_benchmark(str(squares))
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[errata]]\n", "errata[0]: the field task is missing"),
        ('[[errata]]\ntask = 3\nkind = "slow"\nwhat = "x"\n', "errata[0].task: must be text"),
        ('[[errata]]\ntask = "t"\nkind = "odd"\nwhat = "x"\n', "errata[0].kind: 'odd' is none of"),
        (
            '[[errata]]\ntask = "t"\nkind = "slow"\nwhat = "x"\nfail = true\n',
            "there is no field errata.fail",
        ),
        ("rows = []\n", "there is no field rows"),
        ("[[errata\n", "is not TOML"),
    ],
)
def test_errata_that_are_not_as_they_have_to_be_are_refused(
    squares: Path, text: str, words: str
) -> None:
    path = squares / "errata.toml"
    path.write_text(text)
    with pytest.raises(DataError) as refused:
        load_benchmark(str(squares))
    assert str(path) in str(refused.value)
    assert words in str(refused.value)


def test_a_path_may_have_an_at_sign_in_it(squares: Path, tmp_path: Path) -> None:
    folder = tmp_path / "at@sign" / "squares"
    shutil.copytree(squares, folder)
    assert load_benchmark(f"{folder}@v1").spec == "squares@v1"
    assert load_benchmark(str(folder)).card.folder == folder


def test_extraction_that_is_shared_is_part_of_every_digest_that_it_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = tmp_path / "benchmarks"
    shutil.copytree(benchmarks_dir(), shipped)
    monkeypatch.setattr(card_benchmark, "benchmarks_dir", lambda: shipped)

    def digest() -> str:
        card_benchmark._source_digest.cache_clear()
        return card_benchmark._source_digest(shipped / "livecodebench_repair")

    before = digest()
    with (shipped / "livecodebench" / "adapter.py").open("a") as file:
        file.write("# mended\n")
    assert digest() != before
    card_benchmark._source_digest.cache_clear()


# --- what every benchmark has to do ---


def test_every_shipped_folder_is_a_benchmark_with_its_own_code() -> None:
    shipped = {path.parent for path in benchmarks_dir().glob("*/*.py")}
    assert {path.name for path in shipped} >= set(families()) - {
        "bigcodebench_hard",
        "humanevalpack_fix",
        "multipl_e_mbpp",
    }
    for name in families():
        card = read_card(name)
        assert card == read_card_in(card.folder)
        assert set(card.formats) <= {
            "evalplus",
            "human-eval",
            "bigcodebench",
            "cruxeval",
            "livecodebench",
            "multipl-e",
            "opencodeeval",
            "qwen",
        }


# Self-repair has no tasks without a run; LiveCodeBench's data are large.
MODEL_TYPES: tuple[ModelType, ...] = ("base", "chat")
LOADED = [name for name in families() if name not in ("livecodebench_repair", "livecodebench")]


@pytest.mark.shared
@pytest.mark.parametrize("name", LOADED)
def test_every_benchmark_keeps_the_contract(name: str, shared_data: Path) -> None:
    try:
        benchmark = load_benchmark(name, None, shared_data)
    except DataError as error:
        pytest.skip(f"no data of {name} here: {error}")
    ids = [task.task_id for task in benchmark.tasks]
    assert len(set(ids)) == len(ids) == benchmark.tasks_in_version
    assert {row.task for row in benchmark.errata} <= set(ids)
    json.dumps(dict(benchmark.describe()))
    for task in benchmark.tasks[:3]:
        for model_type in MODEL_TYPES:
            prompt = benchmark.prompt(task, model_type)
            assert prompt == benchmark.prompt(task, model_type)
            assert bool(prompt.text) != bool(prompt.messages)
        if task.reference:
            whole = Completion(task.task_id, 0, task.reference, form="program")
            assert benchmark.program(task, whole, "base").code.strip()
        json.dumps(task.tests)
        assert pickle.loads(pickle.dumps(task.tests)) == task.tests
    assert len(benchmark.extraction_digest) == 64
    assert "adapter" not in sys.modules
