"""Where benchmarks are: the folders that ship, and those of other distributions or people.

A benchmark is found by looking: every folder below the shipped benchmarks folder that has
a card, and every folder that an entry point of the group `opencodeeval.benchmarks`
names (a module, whose folder it is). A path to such a folder works in place of a name.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from opencodeeval.core.errors import ExtensionError
from opencodeeval.core.extensions import distribution, installed, twins
from opencodeeval.core.paths import benchmarks_dir

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "opencodeeval.benchmarks"
CARD = "card.toml"


def folders() -> dict[str, Path]:
    """Name -> folder of every benchmark that is installed, in alphabetical order.

    Raises:
        ExtensionError: two have one name, or what an entry point names cannot be found.
    """
    found = {path.parent.name: path.parent for path in benchmarks_dir().glob(f"*/{CARD}")}
    for point in installed(GROUP):
        folder = _folder_of(point)
        other = found.setdefault(folder.name, folder)
        if other != folder:
            place = f"{folder} of {distribution(point)}"
            raise twins("benchmarks", folder.name, str(other), place)
    return dict(sorted(found.items()))


def _folder_of(point: EntryPoint) -> Path:
    try:
        spec = importlib.util.find_spec(point.value)
    except (ImportError, ValueError):
        spec = None
    places = list(spec.submodule_search_locations or ()) if spec else []
    folder = Path(places[0]) if places else Path()
    if not places or not (folder / CARD).is_file():
        raise ExtensionError(
            f"{distribution(point)} names {point.value} as a benchmark, which is no package with a "
            f"{CARD}: fix or uninstall it"
        )
    return folder
