"""What is built, what it declares, and that it works away from the checkout."""

from __future__ import annotations

import ast
import os
import re
import shutil
import statistics
import subprocess
import sys
import tarfile
import time
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

from opencodeeval import __version__

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HOUSE = {"opencodeeval", "benchmarks", "presets", "sandbox", "tests", "results", "docs"}
ASSETS = ("benchmarks", "presets", "sandbox")
# Whichever engine is installed brings these; they are used only beside it.
WITH_ENGINE = {"torch"}


def run(*command: str | Path, cwd: Path, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build_wheel(source: Path, target: Path) -> Path:
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index")
    run(*pip, "--no-build-isolation", "--wheel-dir", target, source, cwd=target)
    return next(target.glob("*.whl"))


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def shipped(folder: Path) -> list[Path]:
    """Every file under `folder` but those in the caches of tools."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return [
        path
        for path in files
        if not any(
            part == "__pycache__" or part.endswith("_cache")
            for part in path.relative_to(folder).parts
        )
    ]


@pytest.fixture(scope="module")
def project(repo_root: Path) -> dict[str, Any]:
    with (repo_root / "pyproject.toml").open("rb") as file:
        table: dict[str, Any] = tomllib.load(file)["project"]
    return table


@pytest.fixture(scope="module")
def wheel(repo_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(repo_root, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, installed alone into a folder; its dependencies are the tests' own."""
    target = tmp_path_factory.mktemp("installed")
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index")
    run(*pip, "--target", target, wheel, cwd=target)
    return target


@pytest.fixture
def elsewhere(installed: Path, tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """A working directory that is not the checkout, and the installed wheel's environment."""
    return tmp_path, {**os.environ, "PYTHONPATH": str(installed)}


@pytest.mark.parametrize("folder", ASSETS)
def test_the_wheel_carries_every_file_of_the_data_folders(
    wheel: Path, repo_root: Path, folder: str
) -> None:
    files = shipped(repo_root / folder)
    assert files
    with zipfile.ZipFile(wheel) as archive:
        for path in files:
            inside = f"opencodeeval/_assets/{path.relative_to(repo_root).as_posix()}"
            assert archive.read(inside) == path.read_bytes(), inside


def test_the_wheel_carries_nothing_but_the_package(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in names(wheel)}
    assert tops == {"opencodeeval", f"opencodeeval-{__version__}.dist-info"}
    assert not [name for name in names(wheel) if name.endswith(".pyc")]


def test_the_wheel_declares_its_version_licence_and_command(wheel: Path, repo_root: Path) -> None:
    info = f"opencodeeval-{__version__}.dist-info"
    with zipfile.ZipFile(wheel) as archive:
        metadata = archive.read(f"{info}/METADATA").decode()
        commands = archive.read(f"{info}/entry_points.txt").decode()
        licence = archive.read(f"{info}/licenses/LICENSE").decode()
    assert f"\nVersion: {__version__}\n" in metadata
    assert "\nLicense-Expression: Apache-2.0\n" in metadata
    assert metadata.endswith((repo_root / "README.md").read_text(encoding="utf-8"))
    assert "opencodeeval = opencodeeval.cli.main:main" in commands
    assert "Apache License" in licence


def test_the_source_distribution_builds_the_same_wheel(
    wheel: Path, repo_root: Path, tmp_path: Path
) -> None:
    run(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", tmp_path, cwd=repo_root)
    archive = next(tmp_path.glob("*.tar.gz"))
    with tarfile.open(archive) as file:
        if sys.version_info >= (3, 12):
            file.extractall(tmp_path, filter="data")
        else:
            file.extractall(tmp_path)
    again = tmp_path / "again"
    again.mkdir()
    assert names(build_wheel(tmp_path / f"opencodeeval-{__version__}", again)) == names(wheel)


def test_every_third_party_import_is_a_declared_dependency(
    repo_root: Path, project: dict[str, Any]
) -> None:
    extras = [line for group in project["optional-dependencies"].values() for line in group]
    declared = {normal(line) for line in [*project["dependencies"], *extras]}
    distributions = packages_distributions()
    imported = {
        name: path
        for path in (repo_root / "opencodeeval").rglob("*.py")
        for name in imports(path)
        if name not in sys.stdlib_module_names and name not in {"opencodeeval", "guest"}
    }
    undeclared = {
        name: str(path)
        for name, path in imported.items()
        if name not in WITH_ENGINE
        and declared.isdisjoint({normal(name), *map(normal, distributions.get(name, []))})
    }
    assert not undeclared


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


def normal(requirement: str) -> str:
    """The distribution's name in normal form, from a requirement line (PEP 503)."""
    name = re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_installed_package_finds_its_data_anywhere(
    installed: Path, elsewhere: tuple[Path, dict[str, str]]
) -> None:
    cwd, env = elsewhere
    code = (
        "from opencodeeval.core.paths import benchmarks_dir, presets_dir, sandbox_dir\n"
        "print(benchmarks_dir(), presets_dir(), sandbox_dir(), sep='\\n')"
    )
    found = run(sys.executable, "-c", code, cwd=cwd, env=env).split()
    assets = installed / "opencodeeval" / "_assets"
    assert found == [str(assets / folder) for folder in ASSETS]


def test_help_answers_at_once(installed: Path, elsewhere: tuple[Path, dict[str, str]]) -> None:
    cwd, env = elsewhere

    def seconds() -> float:
        start = time.perf_counter()
        assert "usage" in run(installed / "bin" / "opencodeeval", "--help", cwd=cwd, env=env)
        return time.perf_counter() - start

    # A machine busy with something else gets two more chances; a heavy import
    # at the top of a module costs more than the limit every time.
    rounds = [statistics.median(seconds() for _ in range(5)) for _ in range(3)]
    assert min(rounds) < 0.3


def test_the_top_level_folders_are_those_of_the_design(repo_root: Path) -> None:
    if shutil.which("git") is None or not (repo_root / ".git").exists():
        pytest.skip("not a git checkout: what lies here says nothing of the repository")
    listed = run("git", "ls-files", cwd=repo_root).splitlines()
    folders = {line.split("/")[0] for line in listed if "/" in line and not line.startswith(".")}
    # Empty until the first record, and git keeps no empty folder.
    assert folders | {"results"} == HOUSE
