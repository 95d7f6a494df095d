"""The shape of the package: its floors, no circles, and how large its parts may be."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import opencodeeval
from opencodeeval.core.paths import sandbox_dir

PACKAGE = Path(opencodeeval.__file__).resolve().parent
FLOORS = {
    "core": 1,
    "stats": 1,
    "records": 2,
    "execution": 2,
    "backends": 2,
    "benchmarks": 3,
    "runs": 4,
    "decide": 5,
    "show": 5,
    "serve": 6,
    "watch": 6,
    "cli": 7,
}
# What follows from records alone knows nothing of how they came to be.
FORBIDDEN = {
    (upper, lower)
    for upper in ("decide", "show")
    for lower in ("benchmarks", "backends", "execution")
}
# Statistics may say what they refuse.
ALLOWED = {("stats", "core")}


def modules() -> dict[str, Path]:
    """Dotted name -> file, of every module of the package."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        if "_assets" not in parts:
            found[".".join(part for part in parts if part != "__init__")] = path
    return found


MODULES = modules()
# What is read with the package: the code that runs in every jail, and what makes images.
READ = MODULES | {
    ".".join(path.relative_to(sandbox_dir()).with_suffix("").parts): path
    for path in sandbox_dir().rglob("*.py")
}


def imported(path: Path, at_top: bool = False) -> Iterator[str]:
    """The modules of the package that a file imports; `at_top`: when it is imported itself."""
    tree = ast.parse(path.read_text("utf-8"))
    nodes = tree.body if at_top else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("opencodeeval"):
            assert node.module
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in MODULES else node.module


def room(module: str) -> str:
    return [*module.split("."), ""][1]


@pytest.mark.parametrize("module", sorted(MODULES))
def test_arrows_point_down_only(module: str) -> None:
    own = room(module)
    if own not in FLOORS:
        return  # the package itself, and what starts it
    for other in imported(MODULES[module]):
        there = room(other)
        if there == own or there not in FLOORS:
            continue
        assert (own, there) not in FORBIDDEN, f"{module} imports {other}"
        below = FLOORS[there] < FLOORS[own] or (own, there) in ALLOWED
        assert below, f"{module} (floor {FLOORS[own]}) imports {other} (floor {FLOORS[there]})"


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = {
        name: {other for other in imported(path, at_top=True) if other != name}
        for name, path in MODULES.items()
        if name != "opencodeeval"
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as circle:
        pytest.fail(f"a circle of imports: {' -> '.join(circle.args[1])}")


def test_every_room_is_on_a_floor_and_the_root_holds_nothing_else() -> None:
    rooms = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    assert rooms == set(FLOORS)
    assert {path.name for path in PACKAGE.glob("*.py")} == {"__init__.py", "__main__.py"}


def test_tests_mirror_the_package() -> None:
    tests = Path(__file__).resolve().parent
    assert {name for name in FLOORS if (tests / name).is_dir()} == set(FLOORS)


def test_files_can_be_read_in_one_sitting() -> None:
    lengths = {name: len(path.read_text("utf-8").splitlines()) for name, path in READ.items()}
    assert lengths["guest.codec"]
    assert {name: length for name, length in lengths.items() if length > 340} == {}


def functions() -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for name, path in READ.items():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield f"{name}.{node.name}", node


def test_functions_fit_a_screen() -> None:
    long = {
        name: (node.end_lineno or 0) - node.lineno + 1
        for name, node in functions()
        if (node.end_lineno or 0) - node.lineno + 1 > 75
    }
    assert long == {}


def test_parameter_lists_are_short() -> None:
    def count(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
        names = [each.arg for each in (*node.args.posonlyargs, *node.args.args)]
        return len([name for name in names if name not in ("self", "cls")])

    many = {name: count(node) for name, node in functions() if count(node) > 6}
    assert many == {}
