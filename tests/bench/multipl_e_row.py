"""MultiPL-E: published samples, here and with the plain commands of Qwen's evaluation.

There a sample is a compiler's process and the program's, with no sandbox around them, as the
evaluation starts them: in a folder of their own, two samples at a time. Here what passes runs
once more, compiled anew, with tests that must fail. Warm compilers are made before the clock
starts. Needs the folder of data files, and the toolchains on this machine.
"""

from __future__ import annotations

import os
import resource
import signal
import statistics
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from opencodeeval.benchmarks.registry import load_benchmark
from opencodeeval.core.types import Program, Task
from opencodeeval.execution.environments import read_environment
from opencodeeval.execution.toolchains import PATH, here
from opencodeeval.runs.formats.reading import read_samples
from tests.bench.measures import WORKERS, Measure, ours

NAME = "multipl_e_humaneval"
LANGUAGES = ("cpp", "java", "ts", "cs", "js", "php", "sh")
SAMPLES = "verdicts/qwen2.5-coder-1.5b-base/multipl-e/humaneval-{}-details.json.gz"
COMPILE_S = 120.0  # so that on a busy machine no compile is cut short, and counted for less
COUNT = 32  # of each language, evenly spread over the published ones
ENVIRON = {"PATH": PATH, "LC_ALL": "POSIX"}


def multipl_e(data: Path | None, rounds: int) -> None:
    """Print the row: milliseconds a sample by language, and how many times the plain ones take."""
    if data is None:
        print("\nMultiPL-E: no folder of data files (OPENCODEEVAL_SHARED_DATA)")
        return
    print(f"\nMultiPL-E HumanEval ({COUNT} samples a language, {WORKERS} workers, local jail;")
    print(f"ms a sample, median of {rounds})")
    print("            wall   CPU   plain: wall   CPU   wall ratio  CPU ratio")
    there = here(read_environment("multipl_e"))
    for language in LANGUAGES:
        if language not in there:
            print(f"{language:10} this machine has no toolchain")
            continue
        tasks, programs = _samples(language, data)
        pairs = [
            (ours("local", tasks, programs, "multipl_e"), plain(tasks, programs))
            for _ in range(rounds)
        ]
        _print(language, [each for each, _ in pairs], [each for _, each in pairs])


def _samples(language: str, data: Path) -> tuple[list[Task], list[Program]]:
    benchmark = load_benchmark(f"{NAME}@{language}", data_dir=data)
    completions = read_samples(data / SAMPLES.format(language), benchmark)
    kept = completions[:: max(1, len(completions) // COUNT)][:COUNT]
    by_id = {task.task_id: task for task in benchmark.tasks}
    programs = [benchmark.program(by_id[c.task_id], c, "base") for c in kept]
    return [by_id[program.task_id] for program in programs], programs


def plain(tasks: list[Task], programs: list[Program]) -> Measure:
    """Compile and run each program as the published evaluation does."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(_run, tasks, programs))
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Measure(wall, cpu, float("nan"), after.ru_maxrss / 1024, len(programs))


def _run(task: Task, program: Program) -> None:
    """One sample: its rounds until one ends with every command at status 0."""
    for steps in task.tests["rounds"]:
        with tempfile.TemporaryDirectory() as folder:
            text = program.code + task.tests["tests"].replace(task.tests["proof"], "")
            Path(folder, task.tests["file"]).write_text(text, "utf-8")
            if all(_ends_well(step, task, folder) for step in steps):
                return


def _ends_well(step: dict[str, object], task: Task, folder: str) -> bool:
    command, environ = step["command"], step.get("environ", ENVIRON)
    assert isinstance(command, list)
    assert isinstance(environ, dict)
    seconds = COMPILE_S if step["limit"] == "compile_s" else task.tests["limits"]["run_s"]
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return process.wait(seconds) == 0
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return False


def _print(language: str, mine: list[Measure], theirs: list[Measure]) -> None:
    def middle(measures: list[Measure], field: str) -> float:
        return 1000 * float(statistics.median(getattr(each, field) for each in measures)) / COUNT

    wall, cpu = middle(mine, "wall"), middle(mine, "cpu")
    other_wall, other_cpu = middle(theirs, "wall"), middle(theirs, "cpu")
    print(
        f"{language:10} {wall:5.0f} {cpu:5.0f}         {other_wall:5.0f} {other_cpu:5.0f}"
        f"       {other_wall / wall:6.2f}     {other_cpu / cpu:6.2f}",
        flush=True,
    )
