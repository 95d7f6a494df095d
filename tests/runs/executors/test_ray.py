"""A Ray cluster of real node processes: nodes that are lost, that differ, that are not there.

With OPENCODEEVAL_TEST_RAY=all also vLLM's engines, on HumanEval+ and MBPP+ (ten minutes).
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import opencodeeval as oce
from opencodeeval.execution import images
from opencodeeval.execution.jails import docker
from opencodeeval.records.schema import Record
from opencodeeval.runs.executors.options import ExecutorOptions
from opencodeeval.runs.observers import GradedSample
from tests.support.engine import engine_of_its_own
from tests.support.ray_cluster import ROOT, RayCluster
from tests.support.slow_tasks import write_slow_tasks

ALL = os.environ.get("OPENCODEEVAL_TEST_RAY") == "all"
TASKS = 16
JAIL = oce.SandboxOptions("local")
MODEL = ROOT / "tests/checkpoints/starter-tiny-chat/step-0300"

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="Ray is not installed"
)


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Problems whose reference program takes a third of a second."""
    return write_slow_tasks(tmp_path_factory.mktemp("own"), TASKS, 0.3)


@pytest.fixture(scope="module")
def alone(tasks: Path, tmp_path_factory: pytest.TempPathFactory) -> Record:
    """The record that this process alone makes of them, with as many slots."""
    output = oce.Output(tmp_path_factory.mktemp("alone"), "none")
    sandbox = oce.SandboxOptions("local", slots=2)
    evaluation = oce.evaluate(
        "reference", str(tasks), backend="reference", sandbox=sandbox, output=output
    )
    return evaluation.records[0]


def on(cluster: RayCluster, **more: str) -> ExecutorOptions:
    return ExecutorOptions("ray", {"address": cluster.address, **more})


def command(
    cluster: RayCluster, bench: Path | str, output: Path, *more: str
) -> subprocess.Popen[str]:
    """The command itself, in a process and a folder of its own."""
    output.mkdir(exist_ok=True)
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "opencodeeval", "--backend", "reference"),
            *("--bench", str(bench), "--sandbox", "local", "--output", str(output), "--json"),
            *("--executor", "ray", "--executor-arg", f"address={cluster.address}"),
            *more,
        ],
        # Ray lets nodes import from the folder of a command, where they have it.
        cwd=output,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def lines(output: Path, name: str) -> list[dict[str, Any]]:
    return [
        json.loads(line)
        for path in output.glob(f"runs/*/{name}.jsonl")
        for line in path.read_text().splitlines()
    ]


def assert_each_sample_once(output: Path) -> None:
    each_once = {(f"slow/{number}", 0): 1 for number in range(TASKS)}
    for name in ("completions", "programs", "verdicts"):
        where = Counter((row["task_id"], row["sample_id"]) for row in lines(output, name))
        assert where == each_once, name
    assert lines(output, "faults") == []


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def ours() -> list[str]:
    """Processes of actors, of jails and of engines on this machine that this test may have left."""
    return list(processes(("ray::Slots", "ray::Engine", "bwrap", "VLLM::")).values())


def processes(titles: str | tuple[str, ...]) -> dict[int, str]:
    """Pid -> title of processes of this checkout whose titles begin so."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            # A jail's environment is empty, and it is shown this checkout's guest.
            mine = f"{ROOT}/sandbox" in words
            mine = mine or f"PYTHONPATH={ROOT}\0".encode() in (path.parent / "environ").read_bytes()
        except OSError:
            continue
        if mine and Path(words.partition(" ")[0]).name.startswith(titles):
            found[int(path.parent.name)] = words
    return found


class Then(oce.Observer):
    """Does something once, when so many samples have their verdicts (or their completions)."""

    def __init__(self, do: Callable[[], None], graded: int = 0, generated: int = 0) -> None:
        self.do, self.left = do, {"graded": graded, "generated": generated}

    def _count(self, what: str) -> None:
        self.left[what] -= 1
        if self.left[what] == 0:
            self.do()

    def graded(self, sample: GradedSample) -> None:
        self._count("graded")

    def generated(self) -> None:
        self._count("generated")


def test_a_lost_node_s_programs_run_on_the_others(
    cluster: RayCluster,
    tasks: Path,
    alone: Record,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    third = cluster.add(slots=1)
    evaluation = oce.evaluate(
        "reference",
        str(tasks),
        backend="reference",
        sandbox=JAIL,
        executor=on(cluster),
        output=tmp_path,
        observers=[Then(lambda: cluster.kill(third), graded=4)],
    )
    (record,) = evaluation.records
    assert record.tasks == alone.tasks
    assert record.scores == alone.scores
    assert record.run_id == alone.run_id
    assert_each_sample_once(tmp_path)
    assert record.executor["lost"] == {"engines": 0, "nodes": 1}
    assert "is lost" in capsys.readouterr().err
    wait_until(lambda: ours() == [])


def test_where_all_nodes_are_lost_the_run_goes_on_with_those_that_come(
    cluster: RayCluster, tasks: Path, alone: Record, tmp_path: Path
) -> None:
    def replaced() -> None:
        for _ in range(2):
            cluster.kill_one_with("ray::Slots")
        for _ in range(2):
            cluster.add(slots=1)

    evaluation = oce.evaluate(
        "reference",
        str(tasks),
        backend="reference",
        sandbox=JAIL,
        executor=on(cluster),
        output=tmp_path,
        observers=[Then(replaced, graded=4)],
    )
    (record,) = evaluation.records
    assert record.digest == alone.digest
    assert record.executor["lost"] == {"engines": 0, "nodes": 2}
    assert_each_sample_once(tmp_path)


def test_a_killed_command_continues_and_leaves_nothing_on_the_nodes(
    cluster: RayCluster, tasks: Path, alone: Record, tmp_path: Path
) -> None:
    process = command(cluster, tasks, tmp_path)
    wait_until(lambda: len(lines(tmp_path, "verdicts")) > 2 or process.poll() is not None)
    assert ours() != []
    process.kill()
    process.communicate()
    assert 2 < len(lines(tmp_path, "verdicts")) < TASKS
    wait_until(lambda: ours() == [])
    process = command(cluster, tasks, tmp_path)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    (path,) = tmp_path.glob("*/*.json")
    assert json.loads(path.read_text())["digest"] == alone.digest
    assert_each_sample_once(tmp_path)


def test_ctrl_c_leaves_nothing_on_the_nodes(
    cluster: RayCluster, tasks: Path, tmp_path: Path
) -> None:
    process = command(cluster, tasks, tmp_path)
    wait_until(lambda: len(lines(tmp_path, "verdicts")) > 2 or process.poll() is not None)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert out == ""
    assert "Traceback" not in err
    assert err.splitlines()[-1].startswith("opencodeeval: error: interrupted")
    wait_until(lambda: ours() == [], 5)


def test_ctrl_c_while_engines_are_loaded(cluster: RayCluster, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    more = ("--backend", "transformers", "--model", str(MODEL))
    process = command(cluster, "starter", tmp_path, *more)
    wait_until(lambda: bool(processes("ray::Engine")) or process.poll() is not None)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert out == ""
    wait_until(lambda: ours() == [], 10)


@pytest.mark.timeout(900)
def test_a_lost_engine_s_requests_are_asked_again(
    cluster: RayCluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    cluster.add(engines=1)
    kill = Then(lambda: cluster.kill_one_with("ray::Engine"), generated=8)
    # The only engine is lost, so that all waits until another one has been loaded.
    made = generated("transformers", "starter", tmp_path / "made", on(cluster, engines="1"), kill)
    own = generated("transformers", "starter", tmp_path / "alone", "local")
    assert_alike(made, own)
    assert made.records[0].executor["lost"] == {"engines": 1, "nodes": 0}
    assert "asked again" in capsys.readouterr().err
    wait_until(lambda: ours() == [])


@pytest.mark.skipif(not ALL, reason="takes ten minutes: OPENCODEEVAL_TEST_RAY=all")
@pytest.mark.vllm
@pytest.mark.timeout(3000)
def test_vllm_on_humaneval_plus_and_mbpp_plus(
    cluster: RayCluster, tmp_path: Path, shared_data: Path
) -> None:
    cluster.add(engines=1)
    kill = Then(lambda: cluster.kill_one_with("ray::Engine"), generated=60)
    data = oce.Selection(data_dir=shared_data)
    bench = "humaneval_plus,mbpp_plus"
    made = generated("vllm", bench, tmp_path / "made", on(cluster, engines="2"), kill, data)
    own = generated("vllm", bench, tmp_path / "alone", "local", selection=data)
    assert_alike(made, own)
    assert made.records[-1].executor["lost"] == {"engines": 1, "nodes": 0}
    wait_until(lambda: ours() == [])


@pytest.mark.skipif(not ALL, reason="takes minutes: OPENCODEEVAL_TEST_RAY=all")
@pytest.mark.vllm
@pytest.mark.timeout(1200)
def test_vllm_s_own_process_is_lost(
    cluster: RayCluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def kill() -> None:
        (pid,) = processes("VLLM::EngineCore")
        os.kill(pid, signal.SIGKILL)

    killing = Then(kill, generated=6)
    made = generated("vllm", "starter", tmp_path, on(cluster, engines="1"), killing)
    assert made.records[0].totals.samples == 24
    assert made.records[0].executor["lost"] == {"engines": 1, "nodes": 0}
    assert "the vLLM engine died" in capsys.readouterr().err
    wait_until(lambda: ours() == [])


def generated(
    backend: str,
    bench: str,
    output: Path,
    executor: str | ExecutorOptions,
    observer: oce.Observer | None = None,
    selection: oce.Selection | None = None,
) -> oce.Evaluation:
    """A run of a trained model, with as many slots in each executor."""
    return oce.evaluate(
        MODEL,
        bench.split(","),
        selection=selection,
        backend=backend,
        backend_options=oce.BackendOptions(dtype="float32", max_model_len=1024),
        sampling=oce.SamplingOptions(n=1, temperature=0.8, max_tokens=96),
        sandbox=oce.SandboxOptions("local", slots=2),
        executor=executor,
        output=output,
        observers=[observer] if observer else [],
    )


def assert_alike(made: oce.Evaluation, own: oce.Evaluation) -> None:
    """See that two runs have the same answers and the same records."""

    def texts(evaluation: oce.Evaluation) -> dict[tuple[str, int], str]:
        rows = lines(evaluation.runs[0].record_path.parent.parent, "completions")
        found = {(row["task_id"], row["sample_id"]): row["text"] for row in rows}
        assert len(found) == len(rows)
        return found

    assert texts(made) == texts(own)
    for theirs, ours_ in zip(made.records, own.records, strict=True):
        assert theirs.tasks == ours_.tasks
        assert theirs.digest == ours_.digest


@pytest.fixture
def another_engine(tmp_path: Path) -> Iterator[str]:
    """The address of a second Docker engine, which has no images: that of another machine."""
    with engine_of_its_own(tmp_path) as engine:
        yield engine.address


@pytest.mark.skipif(not ALL, reason="copies an image: OPENCODEEVAL_TEST_RAY=all")
@pytest.mark.docker
@pytest.mark.timeout(600)
def test_a_node_that_lacks_the_image_is_sent_it(
    cluster: RayCluster,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    guest_image: str,
    another_engine: str,
) -> None:
    with monkeypatch.context() as changed:
        changed.setenv("DOCKER_HOST", another_engine)
        node = cluster.add(slots=1)
    evaluation = oce.evaluate(
        "reference",
        "starter",
        backend="reference",
        sandbox=oce.SandboxOptions("docker"),
        executor=on(cluster),
        output=tmp_path_factory.mktemp("out"),
    )
    cluster.kill(node)
    (record,) = evaluation.records
    assert record.executor["left_out"] == []
    assert sum(each["count"] * each["slots"] for each in record.executor["nodes"]) == 3
    assert record.scores["base"]["pass@1"].value == 1.0
    with monkeypatch.context() as changed:
        known = images.image_id(docker.client(), guest_image)
        changed.setenv("DOCKER_HOST", another_engine)
        assert images.image_id(docker.client(), guest_image) == known


# --- what is refused, and what is left out ---


def copy_of_the_package(folder: Path, change: Callable[[Path], None]) -> Path:
    """Another build of this package, as another node might have it installed."""
    for name in ("opencodeeval", "benchmarks", "presets", "sandbox"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    change(folder)
    return folder


def older(folder: Path) -> None:
    path = folder / "opencodeeval/__init__.py"
    path.write_text(path.read_text().replace(f'"{oce.__version__}"', '"0.0.9"'))


def another_guest(folder: Path) -> None:
    path = folder / "sandbox/guest/__init__.py"
    path.write_text(path.read_text() + "\n# another judge\n")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (older, f"it has opencodeeval 0.0.9 and this process has {oce.__version__}"),
        (another_guest, "its sandbox differs from that of the other nodes in guest"),
    ],
)
def test_a_node_that_differs_is_left_out_and_recorded(
    cluster: RayCluster,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Path], None],
    why: str,
) -> None:
    theirs = copy_of_the_package(tmp_path / "theirs", change)
    with monkeypatch.context() as changed:
        changed.setenv("PYTHONPATH", str(theirs))
        node = cluster.add(slots=1)
    process = command(cluster, "starter", tmp_path / "out")
    out, err = process.communicate(timeout=200)
    cluster.kill(node)
    assert process.returncode == 0, err
    assert why in err
    record = json.loads(Path(json.loads(out)["benchmarks"][0]["record"]).read_text())
    assert [why in each for each in record["executor"]["left_out"]] == [True]
    assert sum(each["count"] * each["slots"] for each in record["executor"]["nodes"]) == 2


def test_without_gpus_vllm_is_refused(tmp_path: Path) -> None:
    from opencodeeval.runs.cluster.connection import Node
    from opencodeeval.runs.cluster.engines import placement

    bare = [Node("a", "10.0.0.1", {"CPU": 8.0})]
    with pytest.raises(oce.BackendError, match="the Ray cluster has no GPU for vllm: add a node"):
        placement(bare, oce.BackendOptions(), "vllm", None)


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("engines", "0", "a whole number from 1 up"),
        ("engines", "1.5", "a whole"),
        ("wait", "x", "a"),
    ],
)
def test_a_number_that_is_none_is_refused(name: str, value: str, why: str) -> None:
    options = ExecutorOptions("ray", {name: value})
    with pytest.raises(oce.UsageError, match=f"--executor-arg {name}={value}: must be {why}"):
        options.open(JAIL, print)


def test_a_ray_client_address_is_refused() -> None:
    executor = ExecutorOptions("ray", {"address": "ray://head:10001"}).open(JAIL, print)
    with pytest.raises(oce.UsageError, match="Ray Client address: run the command on a node"):
        executor.open_sandbox("")


def test_without_a_cluster_it_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(oce.UsageError, match=r"no Ray cluster at 127\.0\.0\.1:1 \(.*ray start"):
        oce.evaluate(
            "reference",
            "starter",
            backend="reference",
            executor=ExecutorOptions("ray", {"address": "127.0.0.1:1"}),
            output=oce.Output(tmp_path, "none"),
        )


def test_without_ray_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Stands in for an environment without Ray, which the tests have installed.
    find = importlib.util.find_spec

    def without_ray(name: str, package: str | None = None) -> Any:
        return None if name == "ray" else find(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", without_ray)
    with pytest.raises(oce.UsageError, match=r"pip install 'opencodeeval\[ray\]'"):
        oce.evaluate("reference", "starter", backend="reference", executor="ray", output=tmp_path)
