"""Makes the warm forms of compilers that a warm_compilers.toml declares, before any program runs.

`python3 -m guest.make_warm_compilers RECIPE_FOLDER FOLDER`, in an image's build or on the host.
A form counts only if it did the same as the plain command on its trial programs; the others
stay plain, and FOLDER/forms.json says why.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from typing import Any, Dict, List, Tuple

from . import warm_compilers

STEP_S = 300
Told = Tuple[int, str, str]


class Unfit(Exception):
    """A form could not be made, or is not as good as the plain command."""


def main() -> None:
    """Make all forms; ends with status 1 and a sentence where it cannot begin."""
    recipe, made = (os.path.abspath(each) for each in sys.argv[1:3])
    try:
        tables = _declared(recipe)
    except ImportError:
        sys.exit("warm compilers need Python 3.11 or the package tomli: plain ones are used")
    os.makedirs(made, exist_ok=True)
    found: Dict[str, Any] = {"forms": {}, "inputs": {}, "missing": [], "unfit": {}}
    for name, table in tables.items():
        program = table["trial"]["command"].split()[0]
        if shutil.which(program, path=warm_compilers.PATH) is None:
            found["missing"].append(program)
            continue
        try:
            found["inputs"].update(_inputs(table["inputs"], recipe, made))
            _run_script(table["make"], recipe, made)
            _try(warm_compilers.form_of(name, table, made), table["trial"])
        except (Unfit, OSError, subprocess.SubprocessError) as why:
            found["unfit"][name] = str(why)
            print(f"the plain command is used instead of the warm form {name}: {why}")
            continue
        kept = ("command", "begins", "instead", "unsure")
        found["forms"][name] = {each: table[each] for each in kept if each in table}
    with open(os.path.join(made, warm_compilers.MANIFEST), "w", encoding="utf-8") as file:
        json.dump(found, file, indent=1)
    for folder, _, names in os.walk(made):
        os.chmod(folder, 0o755)
        for name in names:
            os.chmod(os.path.join(folder, name), 0o644)


def _declared(recipe: str) -> Dict[str, Any]:
    try:
        import tomllib as toml  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        import tomli as toml  # type: ignore[import-not-found, no-redef, unused-ignore]
    with open(os.path.join(recipe, "warm_compilers.toml"), "rb") as file:
        found: Dict[str, Any] = toml.load(file)
    return found


def _inputs(script: str, recipe: str, made: str) -> Dict[str, List[int]]:
    """The files that a form is made of, with their states."""
    paths = _run_script(script, recipe, made).split("\n")
    return {
        path: warm_compilers.state_of(path) for path in sorted(set(filter(os.path.isabs, paths)))
    }


def _run_script(script: str, recipe: str, made: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        environ = {
            "PATH": warm_compilers.PATH,
            "LANG": "C.UTF-8",
            "HOME": folder,
            "RECIPE": recipe,
            "MADE": made,
        }
        status, out, err = _told(["sh", "-eu", "-c", script], folder, environ)
    if status:
        raise Unfit((err.strip() or out.strip() or f"exit status {status}")[-300:])
    return out


def _try(form: warm_compilers.Form, trial: Dict[str, Any]) -> None:
    """See that a form does what its plain command does; the first program has no fault."""
    plain = trial["command"].split()
    if not form.command.fullmatch(trial["command"]):
        raise Unfit(f"it is not for {trial['command']}")
    for place, program in enumerate(trial["programs"]):
        if not form.begins.match(program):
            raise Unfit("it is not for its own trial program")
        told = [_compiled(command, trial["file"], program) for command in (plain, form.of(plain))]
        if told[0] != told[1] or (told[0][0] == 0) != (place == 0):
            raise Unfit(f"it says {told[1]} where the plain command says {told[0]}"[:300])


def _compiled(command: List[str], name: str, program: str) -> Told:
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(program)
        return _told(
            command, folder, {"PATH": warm_compilers.PATH, "LANG": "C.UTF-8", "HOME": folder}
        )


def _told(command: List[str], folder: str, more: Dict[str, str]) -> Told:
    """What a command does in a folder: its exit status and its output."""
    environ = {"PATH": warm_compilers.PATH, "LANG": "C.UTF-8", "HOME": folder, **more}
    done = subprocess.run(
        command,
        cwd=folder,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        timeout=STEP_S,
        check=False,
    )
    out, err = (each.decode("utf-8", "replace") for each in (done.stdout, done.stderr))
    return done.returncode, out, err


if __name__ == "__main__":
    main()
