"""An engine that dies in the middle of a run: an engine of our own, so that it may."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

TASKS = 16
START_S = 60

ECHO = "import time\ntime.sleep(0.4)\nprint(input())\n"

pytestmark = [pytest.mark.docker, pytest.mark.timeout(240)]


class Engine:
    """A dockerd with a folder of its own, and what it started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.address = f"unix://{folder}/engine.sock"
        self.process: subprocess.Popen[bytes] | None = None

    def mount(self) -> None:
        """Keep its images in memory: the machine's own engine waits for every write to the disk."""
        data = self.folder / "data"
        data.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(data)], check=True)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        # What a killed one left of itself keeps the next from starting.
        for name in ("engine.pid", "engine.sock"):
            (self.folder / name).unlink(missing_ok=True)
        (self.folder / "config.json").write_text("{}")  # not the machine's own
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    # In a network of its own: one without a bridge takes the machine's away.
                    *("unshare", "--net", "dockerd", "--data-root", str(self.folder / "data")),
                    *("--exec-root", str(self.folder / "exec")),
                    *("--pidfile", str(self.folder / "engine.pid"), "--host", self.address),
                    *("--config-file", str(self.folder / "config.json")),
                    *("--bridge", "none", "--iptables=false", "--ip6tables=false"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        end = time.monotonic() + START_S
        while self.docker("info").returncode:
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError((self.folder / "log").read_text()[-2000:])
            time.sleep(0.2)

    def kill(self) -> None:
        """SIGKILL for dockerd and its containerd, as when the machine runs out of memory."""
        assert self.process
        self.process.kill()
        self.process.wait()
        for pid in self._processes():
            if "containerd-shim" not in _command(pid):
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)

    def docker(
        self, *words: str, stdin: Any = subprocess.DEVNULL
    ) -> subprocess.CompletedProcess[str]:
        """The client's answer from this engine."""
        command = ["docker", "--host", self.address, *words]
        return subprocess.run(command, stdin=stdin, capture_output=True, text=True, check=False)

    def end(self) -> None:
        """End it with everything that it started."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(20)
            self.process.kill()
            self.process.wait()
        for pid in self._processes():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for mount in sorted(mounts, reverse=True):
            if mount.startswith(f"{self.folder}/"):
                subprocess.run(["umount", "-l", mount], check=False)

    def _processes(self) -> list[int]:
        """Processes of this engine: its folder is in their command lines."""
        pids = [int(path.name) for path in Path("/proc").glob("[0-9]*")]
        return [pid for pid in pids if pid != os.getpid() and f"{self.folder}/" in _command(pid)]


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ")
    except OSError:
        return ""


@pytest.fixture
def engine(docker_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine that has the sandbox's image."""
    if os.geteuid() != 0 or not shutil.which("dockerd") or not shutil.which("docker"):
        pytest.skip("an engine of its own needs root, dockerd and the docker command")
    made = Engine(tmp_path_factory.mktemp("engine"))
    try:
        made.mount()
        made.start()
        with subprocess.Popen(["docker", "save", docker_image], stdout=subprocess.PIPE) as saved:
            loaded = made.docker("load", stdin=saved.stdout)
        assert loaded.returncode == 0, loaded.stderr
        yield made
    finally:
        made.end()


@pytest.fixture
def command(tmp_path: Path, repo_root: Path) -> Callable[..., subprocess.Popen[str]]:
    """Starts a run of slow tasks in the docker jail of an engine."""
    tasks = tmp_path / "slow.jsonl"
    rows = [
        {
            "task_id": f"slow/{number}",
            "style": "stdio",
            "prompt": f"Print what is read. ({number})",
            "entry_point": "",
            "canonical_solution": f"{ECHO}# {number}\n",
            "tests": [{"input": f"{number}\n", "output": f"{number}\n"}],
        }
        for number in range(TASKS)
    ]
    tasks.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def start(engine: Engine, output: Path) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "opencodeeval", "--backend", "reference"),
                *("--bench", str(tasks), "--sandbox", "docker", "--slots", "2"),
                *("--output", str(output), "--json"),
            ],
            env={**os.environ, "PYTHONPATH": str(repo_root), "DOCKER_HOST": engine.address},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def _verdicts(output: Path) -> list[dict[str, Any]]:
    files = output.glob("runs/*/verdicts.jsonl")
    return [json.loads(line) for path in files for line in path.read_text().splitlines()]


def _record(run: subprocess.Popen[str]) -> dict[str, Any]:
    out, err = run.communicate(timeout=120)
    assert run.returncode == 0, err
    record: dict[str, Any] = json.loads(
        Path(json.loads(out)["benchmarks"][0]["record"]).read_text()
    )
    del record["timing"]
    return record


def test_an_engine_killed_in_the_middle_of_a_run_costs_no_sample(
    engine: Engine, command: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    undisturbed = _record(command(engine, tmp_path / "undisturbed"))
    output = tmp_path / "disturbed"
    run = command(engine, output)
    end = time.monotonic() + 60
    while len(_verdicts(output)) < 4:
        assert run.poll() is None, run.communicate()[1]
        assert time.monotonic() < end
        time.sleep(0.02)
    engine.kill()
    _, words = run.communicate(timeout=120)
    before = _verdicts(output)
    # It says so, ends without a score, and takes nobody's fault for a wrong answer.
    assert run.returncode == 5, words
    assert "no Docker engine answers" in words
    assert not list(output.glob("*/*.json"))
    assert 4 <= len(before) < TASKS
    assert {row["verdict"] for row in before} == {"passed"}

    engine.start()
    assert _record(command(engine, output)) == undisturbed
    after = _verdicts(output)
    assert after[: len(before)] == before
    assert sorted(row["task_id"] for row in after) == sorted(f"slow/{i}" for i in range(TASKS))
    assert engine.docker("ps", "--all", "--quiet").stdout == ""
