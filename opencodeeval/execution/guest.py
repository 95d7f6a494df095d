"""The guest's digests, which show whether two runs had the same judge, and its codec."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import json
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from opencodeeval.core.paths import sandbox_dir
from opencodeeval.execution.environments import PLAIN, Environment

# The guest as a package of the host: a jail has it under another name.
_PACKAGE = "opencodeeval_guest"


def _digest(root: Path, paths: list[Path]) -> str:
    total = hashlib.sha256()
    for path in sorted(paths):
        total.update(str(path.relative_to(root)).encode() + b"\0")
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


@cache
def guest_digest() -> str:
    """SHA-256 over the guest's source files: part of every verdict's key."""
    root = sandbox_dir()
    return _digest(root, list((root / "guest").glob("*.py")))


@cache
def image_digest(environment: Environment = PLAIN) -> str:
    """SHA-256 over everything that an environment's sandbox image is built from."""
    root = sandbox_dir()
    recipe = environment.recipe or [root / "Dockerfile", *root.glob("requirements*.txt")]
    return _digest(root, [*recipe, *(root / "guest").glob("*.py")])


@cache
def module(name: str) -> Any:
    """A module of the guest, so that host and guest use the same code."""
    if _PACKAGE not in sys.modules:
        folder = sandbox_dir() / "guest"
        spec = importlib.util.spec_from_file_location(
            _PACKAGE, folder / "__init__.py", submodule_search_locations=[str(folder)]
        )
        assert spec
        sys.modules[_PACKAGE] = importlib.util.module_from_spec(spec)
    return importlib.import_module(f"{_PACKAGE}.{name}")


def encoded(values: Iterable[Any]) -> str:
    """Trusted values as the guest's codec writes them, one line each.

    Used for a suite's "calls" (argument lists) and "expected" (returned values).
    Equal values have equal texts in every process.
    """
    encode = module("codec").encode
    return "\n".join(_ordered(encode(value)) for value in values)


def _ordered(text: str) -> str:
    """An encoded value, with the elements of its sets in a fixed order.

    Python orders sets of texts differently in each process. If a task's text changed, its
    stored verdicts would not be found.
    """
    if '{"s":[' not in text and '{"fs":[' not in text:
        return text
    return _text(_tree(json.loads(text)))


def _tree(tree: Any) -> Any:
    if isinstance(tree, list):
        return [_tree(each) for each in tree]
    if not isinstance(tree, dict):
        return tree
    ((tag, content),) = tree.items()
    content = _tree(content)
    # Sets of numbers already have a fixed order.
    if tag in ("s", "fs") and not all(map(_is_numbers, content)):
        content = sorted(content, key=_text)
    return {tag: content}


def _is_numbers(tree: Any) -> bool:
    if isinstance(tree, dict) and "t" in tree:
        return all(map(_is_numbers, tree["t"]))
    return isinstance(tree, (int, float))


def _text(tree: Any) -> str:
    return json.dumps(tree, separators=(",", ":"))
