"""Runs the commands that README.md and docs/ name, in order, as a new user would type them.

    python -m tests.documented.commands

prints each command and what became of it. commands.toml says which are run with less
data, which load a model (only with OPENCODEEVAL_TEST_DOCS=all), and why others are not run.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from glob import glob
from pathlib import Path

from opencodeeval.benchmarks.registry import card_of, check_spec, expanded
from opencodeeval.cli.commands import COMMANDS
from opencodeeval.cli.main import main, parsed_command
from opencodeeval.cli.options import comma_list
from opencodeeval.core.errors import UsageError
from opencodeeval.records.reading import read_record
from opencodeeval.runs.options import SamplingOptions
from tests.support.records import greedy, record, write

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
RULES = Path(__file__).with_suffix(".toml")
FENCE = re.compile(r"```\w*\n(.*?)```", re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")
COMMAND = re.compile(r"(opencodeeval|make|pip|source|python3?(\.\d+)?|…) .+|make \w+")
# What a reader fills in, in place of which no benchmark or file is looked for.
NAMES = re.compile(r"\b[A-Z][A-Z_]*\b|…|/|\.jsonl")


# What `…` stands for before these options; else it is a run.
_CONTINUED = {
    "--check": "leaderboard results/",
    "--page": "compare results/A.json results/B.json",
}


@dataclass(frozen=True)
class Rule:
    """A row of commands.toml."""

    pattern: str
    run: str = ""
    model: bool = False
    not_run: str = ""
    status: tuple[int, ...] = (0,)


@dataclass(frozen=True)
class Documented:
    """A command, and the page that names it."""

    page: str
    text: str


def rules() -> list[Rule]:
    """The rows of commands.toml."""
    rows = tomllib.loads(RULES.read_text("utf-8"))["rule"]
    return [Rule(**{**row, "status": tuple(row.get("status", (0,)))}) for row in rows]


def documented() -> list[Documented]:
    """Every command of README.md and of docs/, each once, in order."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    found: dict[str, Documented] = {}
    for page in pages:
        for text in _commands(page.read_text("utf-8")):
            found.setdefault(text, Documented(page.relative_to(ROOT).as_posix(), text))
    return list(found.values())


def _commands(text: str) -> Iterator[str]:
    """The commands of a page: lines of blocks and words in backticks, in their order."""
    at = 0
    for block in FENCE.finditer(text):
        yield from _inline(text[at : block.start()])
        for line in block[1].replace("\\\n", " ").splitlines():
            plain = " ".join(re.split(r"\s+#\s", line)[0].split())
            if COMMAND.fullmatch(plain) and " = " not in plain:
                yield plain
        at = block.end()
    yield from _inline(text[at:])


def _inline(text: str) -> Iterator[str]:
    for found in INLINE.findall(text):
        plain = found.replace("\\|", "|")
        if COMMAND.fullmatch(plain) and not plain.startswith("python "):
            yield plain


def rule_of(command: str, known: Sequence[Rule]) -> Rule:
    """The rule of a command.

    Raises:
        LookupError: none fits.
    """
    for rule in known:
        if re.fullmatch(rule.pattern, command):
            return rule
    raise LookupError(f"{RULES.name} has no rule for: {command}")


def check(command: str) -> None:
    """See that the options of a command exist, and the benchmarks and protocols it names.

    Raises:
        UsageError: one does not.
    """
    if extra := re.fullmatch(r"pip install '(?:\.|opencodeeval)\[(\w+)\]'", command):
        if extra[1] not in _extras():
            raise UsageError(f"there is no extra {extra[1]}")
        return
    if target := re.fullmatch(r"make ([\w-]+).*", command):
        if not re.search(rf"^{target[1]}:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE):
            raise UsageError(f"the Makefile has no target {target[1]}")
        return
    words = shlex.split(command.replace("source <(", "").rstrip(")").split(" > ")[0])
    if words[0] == "…":
        first = "data" if words[1:2] == ["data"] else "--model"
        model = ["--model", "M"] if first == "--model" else []
        bench = ["--bench", "humaneval"] if model and "--bench" not in words else []
        words = ["opencodeeval", *model, *bench, *words[1:]]
    if words[0] != "opencodeeval" or len(words) == 1 or words[1] in ("COMMAND", "--help"):
        return
    if "…" in words or (len(words) == 2 and not words[1].startswith("-")):
        return
    for option, before in _CONTINUED.items():
        if option in words and command.startswith("…"):
            words = ["opencodeeval", *shlex.split(before), *shlex.split(command)[1:]]
    if words[2:] == ["--help"]:
        if words[1] not in COMMANDS:
            raise UsageError(f"there is no command {words[1]}")
        return
    _, options = parsed_command([word.rstrip("…") for word in words[1:]])
    named = getattr(options, "bench", None) or []
    texts = [named] if isinstance(named, str) else named
    specs = [spec for text in texts for spec in comma_list(text) if not NAMES.search(spec)]
    for spec in expanded(specs):
        check_spec(spec)
        _check_protocol(options, spec)


def _check_protocol(options: argparse.Namespace, spec: str) -> None:
    """See that a benchmark has the protocols, and that they can be sampled so."""
    known = {each.name: each for each in card_of(spec)[0].protocols}
    asked = comma_list(getattr(options, "protocol", None) or "")
    if not known.keys() >= set(asked):
        raise UsageError(f"{spec} has not the protocols {asked}, but {list(known)}")
    if hasattr(options, "temperature") and not (options.preset or options.generation_config):
        chosen = SamplingOptions(n=options.n, temperature=options.temperature)
        for name in asked or list(known)[:1]:
            chosen.applied(known[name].sampling)


def _extras() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return set(project["optional-dependencies"])


class Stage:
    """A folder with what somebody has who came so far: runs, records, samples, checkpoints."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        models = {"base": "1" * 40, "step-4000": "1" * 39 + "0"}
        for name, bits in models.items():
            write(folder / "results", record(greedy(bits), model=name))
        write(folder / "results" / "base", record(greedy(models["base"]), model="base"))
        content = record(greedy("1" * 60 + "0" * 40), model="base")
        write(folder / "A", content)
        write(folder / "B", record(greedy("1" * 100), model="new"))
        paths = (next((folder / name).rglob("*.json")) for name in ("A", "B"))
        for name, path in zip(("A", "B"), paths, strict=True):
            shutil.copy(path, folder / "results" / f"{name}.json")
        shutil.copytree(self._checkpoint(), folder / "CKPT_DIR" / "step-70")
        self._model = self._checkpoint()

    @staticmethod
    def _checkpoint() -> Path:
        return sorted((ROOT / "tests/checkpoints/starter-tiny-chat").glob("step-*"))[-1]

    def filled(self, command: str) -> list[str]:
        """The words of a command, with the stage's files for what a reader fills in."""
        launcher = f"{sys.executable} {ROOT / 'tests/support/watched.py'} 0 log"
        words = []
        for word in shlex.split(command):
            if word == "RECORD" or "runs/ID" in word:
                path = self._own_record()
                word = str(path if word == "RECORD" else self._run_of(path))
            word = {"LAUNCHER": launcher, "MODEL": str(self._model)}.get(word, word)
            words += sorted(glob(word)) if "*" in word else [word]
        return words

    def _own_record(self) -> Path:
        return next((self.folder / "results" / "starter").glob("reference--*.json"))

    def _run_of(self, path: Path) -> Path:
        return Path("results/runs") / read_record(path).record.run_id

    def write_samples(self) -> None:
        """samples.jsonl, as EvalPlus writes it, from the programs of the stage's own run."""
        import json

        run = self.folder / self._run_of(self._own_record())
        rows = [json.loads(line) for line in (run / "programs.jsonl").read_text().splitlines()]
        lines = [json.dumps({"task_id": row["task_id"], "solution": row["code"]}) for row in rows]
        (self.folder / "samples.jsonl").write_text("\n".join(lines) + "\n")


# Of a command that loads a model: what is taken from it, and what it gets instead.
_REPLACED = ("--model", "--backend", "--bench", "--dtype", "--max-tokens", "--data")
_TINY = (
    "opencodeeval --model MODEL --backend transformers --dtype float32 --bench starter "
    "--limit 2 --max-tokens 16 --sandbox local --quiet"
)


def _as_run(rule: Rule, command: str) -> str:
    """The command that is run for a documented one."""
    if not rule.model:
        return command if rule.run == "as it is" else rule.run
    options = iter(shlex.split(command)[1:])
    kept = []
    for word in options:
        if word in _REPLACED:
            next(options)
        else:
            kept.append(shlex.quote(word))
    return " ".join([_TINY, *kept])


def run(rule: Rule, command: str, stage: Stage) -> tuple[int, str]:
    """The exit status of a command as its rule says, in the stage's folder, and what it wrote."""
    words = stage.filled(_as_run(rule, command))
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        status = main(words[1:])
    if "reference" in words and not (stage.folder / "samples.jsonl").exists():
        stage.write_samples()
    return status, out.getvalue()


def everything(stage: Stage, with_models: bool) -> Iterator[tuple[Documented, Rule, str]]:
    """Check and run each command; yields it, its rule, and the problem or "".

    Must be called in the stage's folder.
    """
    known, done = rules(), set()
    for each in documented():
        rule = rule_of(each.text, known)
        problem = ""
        try:
            check(each.text)
        except UsageError as error:
            problem = str(error)
        wanted = bool(rule.run) or (rule.model and with_models)
        key = _as_run(rule, each.text) if wanted else ""
        if wanted and not problem and key not in done:
            # The run of the reference solutions comes early; what needs a run follows it.
            done.add(key)
            status, wrote = run(rule, each.text, stage)
            if status not in rule.status:
                problem = f"exit status {status}: {wrote[-600:]}"
        yield each, rule, problem


def became(rule: Rule, with_models: bool) -> str:
    """What was done with a command of this rule, for people."""
    if rule.not_run:
        return f"not run: {rule.not_run}"
    if rule.model:
        return "run with a tiny checkpoint" if with_models else "not run: loads a model"
    return "run" if rule.run == "as it is" else f"run as: {rule.run}"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        models = os.environ.get("OPENCODEEVAL_TEST_DOCS") == "all"
        failed = 0
        for each, rule, problem in everything(Stage(Path(place)), models):
            failed += bool(problem)
            print(f"{each.page}: {each.text}")
            print(f"    {f'FAILED: {problem}' if problem else became(rule, models)}")
        sys.exit(1 if failed else 0)
