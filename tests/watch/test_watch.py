"""Watching a folder of checkpoints: what is whole, what is done, and what is told."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from opencodeeval.backends.layouts import shards_in
from opencodeeval.backends.models import find_model
from opencodeeval.cli import main as cli
from opencodeeval.core.errors import BackendError, UsageError
from opencodeeval.records.reading import read_records
from opencodeeval.show.training_curve import Curve, Point, page
from opencodeeval.stats.pass_at_k import Estimate
from opencodeeval.watch.checkpoints import Checkpoint, find_checkpoints, left_out, missing
from opencodeeval.watch.evaluation import event, write_page
from opencodeeval.watch.loop import Evaluated, Settling, exit_status
from opencodeeval.watch.webhook import Webhook
from tests.support.distributions import install
from tests.support.engines import loads_engines
from tests.support.http import FlakyServer
from tests.support.records import greedy, record, write
from tests.support.tiny_adapters import save_tiny_adapter

STAMP = re.compile(r"opencodeeval: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d ")
TESTS = Path(__file__).resolve().parents[1]
TINY = sorted((TESTS / "checkpoints" / "starter-tiny-chat").glob("step-*"))


def copied(folder: Path, name: str, source: Path = TINY[0]) -> Checkpoint:
    shutil.copytree(source, folder / name)
    (found,) = (each for each in find_checkpoints(folder) if each.name == name)
    return found


def cut(path: Path, keep: float) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])


def test_checkpoints_are_model_folders_in_the_order_of_their_steps(tmp_path: Path) -> None:
    for name in ("step-20", "step-100", "final", ".tmp-7"):
        copied(tmp_path, name) if name[0] != "." else shutil.copytree(TINY[0], tmp_path / name)
    (tmp_path / "logs").mkdir()
    (tmp_path / "step-3").write_text("")
    found = [(each.name, each.step) for each in find_checkpoints(tmp_path)]
    assert found == [("step-20", 20), ("step-100", 100), ("final", None)]


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("global_step_20", 20),
        ("stage2-ingredient1-step11931-tokens100B", 11931),
        ("step=2000-consumed_samples=32000.0", 2000),
        ("checkpoint-100-fp16", 100),
        ("checkpoint-100-mamba2", 100),
        ("step-100-lambda2", 100),
        ("iter_0000500", 500),
        ("iteration_500", 500),
        ("step10k", 10_000),
        ("step-1000-ckpt-2", 1000),
        ("model--val_loss=1.25-step=2000-consumed_samples=32000.0", 2000),
        ("checkpoint-1200-loss-0.32", 1200),
        ("Qwen2.5-Coder-7B-Instruct", None),
        ("ep1-ba4000", 4000),
        ("epoch3", 3),
        ("final", None),
    ],
)
def test_the_step_is_the_number_that_names_itself(
    tmp_path: Path, name: str, step: int | None
) -> None:
    copied(tmp_path, name)
    assert [each.step for each in find_checkpoints(tmp_path)] == [step]


TEMPORARY = [
    *("tmp-checkpoint-20", ".step-20", "step-20.tmp", "step-20-incomplete", "_tmp_step-20"),
    *("20.orbax-checkpoint-tmp-7", "temp_step-20"),
]


def test_what_is_no_checkpoint_of_its_own_is_left_out(tmp_path: Path) -> None:
    copied(tmp_path, "step-10")
    for name in TEMPORARY:
        shutil.copytree(TINY[0], tmp_path / name)
    (tmp_path / "latest").symlink_to("step-10")
    shutil.copytree(TINY[0], tmp_path / "global_step_20" / "actor" / "huggingface")
    (tmp_path / "newest").symlink_to("global_step_20/actor/huggingface")
    found = [(each.name, each.step) for each in find_checkpoints(tmp_path)]
    assert found == [("step-10", 10), ("global_step_20/actor/huggingface", 20)]
    reasons = left_out(tmp_path)
    assert reasons.pop("latest") == "it is a link to step-10"
    assert reasons.pop("newest") == "it is a link to huggingface"
    assert reasons == dict.fromkeys(TEMPORARY, "its name is a temporary one")


def test_of_a_reinforcement_learner_s_models_the_actor_is_taken(tmp_path: Path) -> None:
    for part in ("actor", "critic"):
        shutil.copytree(TINY[0], tmp_path / "global_step_20" / part / "huggingface")
    (found,) = find_checkpoints(tmp_path)
    assert (found.name, found.step) == ("global_step_20/actor/huggingface", 20)
    assert missing(found) is None


SHARDS = {
    "DeepSpeed": "global_step100/zero_pp_rank_0_mp_rank_00_model_states.pt",
    "DeepSpeed, plain": "mp_rank_00_model_states.pt",
    "verl": "model_world_size_8_rank_0.pt",
    "FSDP": "pytorch_model_fsdp_0/__0_0.distcp",
    "Megatron": "mp_rank_00/model_optim_rng.pt",
    "Megatron or NeMo": "weights/common.pt",
    "NeMo": "last.nemo",
    "FSDP, full": "pytorch_model_fsdp.bin",
    "trainer": "model.pt",
    "Meta": "consolidated.00.pth",
}


@pytest.mark.parametrize("file", SHARDS.values(), ids=SHARDS.keys())
def test_shards_of_a_trainer_are_named_with_what_to_do(tmp_path: Path, file: str) -> None:
    for name in ("bare", "configured"):
        path = tmp_path / "step-100" / name / file
        path.parent.mkdir(parents=True)
        path.write_bytes(b"x")
    shards = shards_in(tmp_path / "step-100" / "bare")
    assert ": " in shards
    assert left_out(tmp_path / "step-100").get("bare", f"it holds {shards}") == f"it holds {shards}"
    for file_name in ("config.json", "tokenizer.json"):
        shutil.copy(TINY[0] / file_name, tmp_path / "step-100" / "configured")
    if file not in ("model.pt", "consolidated.00.pth"):  # names that weights may have
        (found,) = [each for each in find_checkpoints(tmp_path / "step-100") if "conf" in each.name]
        assert missing(found) == f"it has no weights, but {shards}"
        with pytest.raises(BackendError, match="has no weights, but "):
            find_model(str(found.path), None)
    with pytest.raises(BackendError, match="bare holds "):
        find_model(str(tmp_path / "step-100" / "bare"), None)


def test_verl_s_shards_lie_beside_the_configuration(tmp_path: Path) -> None:
    actor = tmp_path / "global_step_20" / "actor"
    shutil.copytree(TINY[0], actor / "huggingface")
    (actor / "huggingface" / "model.safetensors").rename(actor / "model_world_size_1_rank_0.pt")
    (found,) = find_checkpoints(tmp_path)
    assert "merge them with `python -m verl.model_merger merge`" in str(missing(found))


def test_several_models_in_one_folder_are_named(
    watched: Watch, capsys: pytest.CaptureFixture[str]
) -> None:
    for part in ("a", "b"):
        shutil.copytree(TINY[0], watched.folder / "global_step_20" / part / "huggingface")
    for step in ("checkpoint-1", "checkpoint-2"):
        shutil.copytree(TINY[0], watched.folder / "run" / step)
    shutil.copytree(TINY[0], watched.folder / "deep" / "a" / "b" / "step-1")
    assert cli.main([*watched.command, "--once"]) == 1
    said = capsys.readouterr().err
    assert "global_step_20 waits: it holds several models" in said
    assert "global_step_20/a/huggingface, global_step_20/b/huggingface" in said
    assert f"run/checkpoint-2): watch {watched.folder / 'run'}" in said
    assert f"its models are deeper: watch {watched.folder / 'deep' / 'a' / 'b'}" in said
    assert "nothing was evaluated" in said


def test_a_final_model_beside_the_checkpoints_is_no_obstacle(
    watched: Watch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(TINY[0], watched.folder, dirs_exist_ok=True)
    copied(watched.folder, "checkpoint-10")
    assert cli.main([*watched.command, "--once"]) == 0
    assert watched.evaluated() == ["checkpoint-10"]
    assert "the model in the folder itself is left out" in capsys.readouterr().err


@pytest.mark.parametrize("left", ["training_args.bin", "optimizer.pt", "scheduler.pt"])
def test_what_a_trainer_leaves_is_no_weights(tmp_path: Path, left: str) -> None:
    checkpoint = copied(tmp_path, "step-1")
    (checkpoint.path / "model.safetensors").rename(checkpoint.path / left)
    assert missing(checkpoint) == "it has no weights yet"


@pytest.mark.parametrize("keep", [0.0, 0.00001, 0.001, 0.5, 0.99999])
def test_weights_that_are_cut_short_are_not_whole(tmp_path: Path, keep: float) -> None:
    checkpoint = copied(tmp_path, "step-1")
    assert missing(checkpoint) is None
    cut(checkpoint.path / "model.safetensors", keep)
    assert missing(checkpoint) is not None


def test_files_that_are_named_have_to_be_there(tmp_path: Path) -> None:
    checkpoint = copied(tmp_path, "step-1")
    weights = checkpoint.path / "model.safetensors"
    index = {"weight_map": {"a": "model-1-of-2.safetensors", "b": "model-2-of-2.safetensors"}}
    (checkpoint.path / "model.safetensors.index.json").write_text(json.dumps(index))
    shutil.copy(weights, checkpoint.path / "model-1-of-2.safetensors")
    assert missing(checkpoint) == "model-2-of-2.safetensors is not there yet"
    weights.rename(checkpoint.path / "model-2-of-2.safetensors")
    assert missing(checkpoint) is None
    cut(checkpoint.path / "config.json", 0.5)
    assert missing(checkpoint) is not None
    (checkpoint.path / "config.json").unlink()
    assert missing(checkpoint) == "config.json cannot be read yet (no such file or directory)"


def test_a_checkpoint_has_to_be_unchanged_for_a_while(tmp_path: Path) -> None:
    checkpoint, now = copied(tmp_path, "step-1"), [0.0]
    settling = Settling(10, clock=lambda: now[0])

    def ready() -> bool:
        return settling.state(checkpoint)[1] is None

    assert not ready()
    now[0] = 9
    assert not ready()
    (checkpoint.path / "tokenizer.json").write_text("{}")
    now[0] = 11
    assert not ready()
    now[0] = 21
    assert ready()


class Watch:
    """The command on a folder, with the stand-in of tests/support/watched.py for the evaluation."""

    def __init__(self, folder: Path, seconds: float = 0.0) -> None:
        self.folder, self.output = folder / "ckpts", folder / "results"
        self.folder.mkdir()
        self.log = folder / "log"
        launcher = f"{sys.executable} {TESTS / 'support' / 'watched.py'} {seconds} {self.log}"
        self.command = [
            *("watch", str(self.folder), "--bench", "humaneval", "--output", str(self.output)),
            *("--settle", "0.6", "--poll", "0.2", "--launcher", launcher),
        ]

    def evaluated(self) -> list[str]:
        """The checkpoints whose evaluation began, in order."""
        return [each["model"] for each in self.calls()]

    def calls(self) -> list[dict[str, Any]]:
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [json.loads(line) for line in lines]

    def start(self, *options: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "opencodeeval", *self.command, *options],
            env={**os.environ, "PYTHONPATH": str(TESTS.parent)},
            stderr=subprocess.PIPE,
            text=True,
        )


@pytest.fixture
def watched(tmp_path: Path) -> Watch:
    return Watch(tmp_path)


def copy_slowly(source: Path, target: Path, seconds: float) -> None:
    """As a trainer on a slow disk: file by file, in pieces, the weights last."""
    target.mkdir(parents=True)
    files = sorted(source.iterdir(), key=lambda path: path.suffix == ".safetensors")
    for file in files:
        data = file.read_bytes()
        piece = len(data) // 8 + 1
        with (target / file.name).open("wb") as out:
            for start in range(0, len(data), piece):
                out.write(data[start : start + piece])
                out.flush()
                time.sleep(seconds / len(files) / 8)


def wait_until(condition: Any, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "what was waited for did not come"
        time.sleep(0.05)


def test_slow_copies_and_a_kill_lose_and_repeat_nothing(tmp_path: Path) -> None:
    watched = Watch(tmp_path, seconds=1.5)
    shutil.copytree(TINY[0], watched.folder / "step-10")
    first = watched.start()
    wait_until(lambda: "step-10" in watched.evaluated())
    copying = threading.Thread(target=copy_slowly, args=(TINY[1], watched.folder / "step-20", 3.0))
    copying.start()
    journal = watched.output / "watch"
    wait_until(lambda: any(path.stat().st_size for path in journal.glob("*.jsonl")))
    first.send_signal(signal.SIGKILL)
    first.communicate()
    second = watched.start("--once", "--settle", "2")
    copying.join()
    shutil.copytree(TINY[2], watched.folder / "step-30")
    _, told = second.communicate(timeout=60)
    third = watched.start("--once")
    assert third.wait(timeout=60) == 0, third.communicate()
    assert sorted(watched.evaluated()) == ["step-10", "step-20", "step-30"], told
    whole = {f"step-{10 * (i + 1)}": source for i, source in enumerate(TINY)}
    for call in watched.calls():
        sizes = [path.stat().st_size for path in sorted(whole[call["model"]].iterdir())]
        assert call["sizes"] == sizes, "a checkpoint was evaluated before it was all there"
    page_text = (watched.output / "watch.html").read_text()
    assert all(name in page_text for name in whole)


def test_a_kill_during_an_evaluation_ends_it_and_the_next_start_does_it_again(
    tmp_path: Path,
) -> None:
    watched = Watch(tmp_path, seconds=30)
    shutil.copytree(TINY[0], watched.folder / "step-10")
    process = watched.start()
    wait_until(lambda: watched.evaluated() == ["step-10"])
    process.send_signal(signal.SIGKILL)
    process.communicate()
    watched.command[-1] = watched.command[-1].replace(" 30 ", " 0 ")
    assert watched.start("--once").wait(timeout=60) == 0
    assert watched.evaluated() == ["step-10", "step-10"]


def test_an_answer_belongs_to_the_policy_that_it_was_asked_under(
    watched: Watch, capsys: pytest.CaptureFixture[str]
) -> None:
    copied(watched.folder, "step-55")
    baseline = write(watched.output, record(greedy("1" * 60 + "0" * 40), model="base"))
    gate = ("--gate", str(baseline), "--once", "--margin")
    assert cli.main([*watched.command, *gate, "0.02"]) == 10
    assert cli.main([*watched.command, *gate, "0.3"]) == 0
    assert cli.main([*watched.command, *gate, "0.02", "--alpha", "0.0000000001"]) == 11
    assert cli.main([*watched.command, *gate, "0.02"]) == 10
    assert watched.evaluated() == ["step-55"]  # only the answer is another, not the scores


def test_each_benchmark_has_its_own_answer(
    watched: Watch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that fell makes a regression of the whole, and not of one that stayed at 0."""
    watched.command[watched.command.index("humaneval")] = "humaneval,mbpp"
    copied(watched.folder, "step-50")
    write(watched.output / "base", record(greedy("1" * 90 + "0" * 10), model="base"))
    write(watched.output / "base", record(greedy("0" * 100), model="base", benchmark="mbpp"))
    gate = ("--gate", str(watched.output / "base"), "--margin", "0.05", "--once")
    assert cli.main([*watched.command, *gate]) == 10
    (journal,) = (watched.output / "watch").glob("*.jsonl")
    row = json.loads(journal.read_text())
    answers = {Path(path).parent.name: answer for path, answer in row["answers"].items()}
    assert answers == {"humaneval": "regression", "mbpp": "pass"}
    page_text = (watched.output / "watch.html").read_text()
    page_text = page_text[page_text.index("<main") :]
    mean, page_text = page_text.split("<h2>humaneval</h2>")
    humaneval, mbpp = page_text.split("<h2>mbpp</h2>")
    assert '<path class="point regression"' in mean
    assert '<path class="point regression"' in humaneval
    drawn = mbpp[: mbpp.index("<figcaption>")]
    assert '<circle class="point pass"' in drawn
    assert "regression" not in drawn
    assert '<td class="regression">regression</td><td>the candidate is worse: humaneval' in mbpp
    # A journal of an earlier version has no answer of each: it is computed from the records.
    journal.write_text(json.dumps({**row, "answers": {}, "gate": "earlier"}) + "\n")
    assert cli.main([*watched.command, *gate]) == 10
    assert json.loads(journal.read_text().splitlines()[-1])["answers"] == row["answers"]
    assert watched.evaluated() == ["step-50"]


def test_scores_that_were_measured_in_different_ways_have_curves_of_their_own(
    tmp_path: Path,
) -> None:
    plain = record(greedy("1100"), model="m")
    other = record(greedy("1000"), model="m", changes={"protocol": {"name": "other"}})
    part = record(greedy("11"), model="m", changes={"benchmark": {"tasks_in_version": 164}})
    for folder, content in (("a", plain), ("b", other), ("c", part)):
        write(tmp_path / folder, content)
    paths = [str(path) for path in sorted(tmp_path.rglob("*.json"))]
    result = Evaluated("step-5", 5, "f", tuple(paths))
    page_text = write_page(tmp_path, "t", [result], []).read_text()
    for title in (
        "humaneval, plain 1",
        "humaneval, other 1",
        "humaneval, plain 1, 2 of 164 tasks",
    ):
        assert f"<h2>{title}</h2>" in page_text
    assert len(event(tmp_path, result)["scores"]) == 3


@pytest.mark.parametrize(
    ("bench", "options", "status", "said"),
    [
        ("nope", [], 2, "there is no benchmark 'nope'"),
        ("starter@nope", [], 2, "starter has no version 'nope'"),
        ("file:absent.jsonl", [], 2, "there is no file absent.jsonl"),
        ("starter", ["--protocol", "nope"], 2, "starter has no protocol 'nope'"),
        ("humaneval", ["--data", "absent"], 3, "absent"),
    ],
)
def test_what_no_checkpoint_can_be_evaluated_on_is_refused_at_once(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    bench: str,
    options: list[str],
    status: int,
    said: str,
) -> None:
    """Without --once and without a checkpoint, it would wait for ever."""
    (tmp_path / "ckpts").mkdir()
    command = ["watch", str(tmp_path / "ckpts"), "--bench", bench, "--output", str(tmp_path / "o")]
    assert cli.main([*command, "--", *options]) == status
    assert said in capsys.readouterr().err


def test_every_n_leaves_out_other_steps_and_says_so(
    watched: Watch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("step-10", "step-15", "step-20"):
        copied(watched.folder, name)
    assert cli.main([*watched.command, "--once", "--every", "10"]) == 0
    assert sorted(watched.evaluated()) == ["step-10", "step-20"]
    lines = capsys.readouterr().err.splitlines()
    assert "3 checkpoints are there, 0 of them evaluated, 1 left out by --every 10" in lines[0]
    assert all(STAMP.match(line) for line in lines), lines
    # The same watch goes on with other steps.
    assert cli.main([*watched.command, "--once", "--every", "5"]) == 0
    assert watched.evaluated()[-1] == "step-15"
    assert cli.main([*watched.command, "--once", "--every", "0"]) == 2
    assert "--every 0: must be a step of 1 or more" in capsys.readouterr().err


def test_scores_go_into_the_trainers_own_run_by_step_and_a_tracker_that_fails_ends_nothing(
    watched: Watch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    points = {"opencodeeval.trackers": {"notebook": "theirs.pages"}}
    page = install(tmp_path / "site", "theirs", points, monkeypatch) / "pages.py"
    page.write_text(
        "from opencodeeval.show.trackers.base import Tracker, TrackerError\n"
        "def into(record, project, run, step):\n"
        "    if step == 20:\n"
        "        raise TrackerError('it is down')\n"
        f"    with open({str(tmp_path / 'page')!r}, 'a') as file:\n"
        "        print(project, run, step, record.benchmark, file=file)\n"
        "    return run\n"
        "TRACKER = Tracker(lambda record, project, step: 'own', into)\n"
    )
    for name in ("step-10", "step-20"):
        copied(watched.folder, name)
    tracker = ("--once", "--tracker", "notebook", "--tracker-run", "r1", "--project", "p")
    assert cli.main([*watched.command, *tracker]) == 0
    assert (tmp_path / "page").read_text() == "p r1 10 humaneval\n"
    assert "step-20 is not logged to notebook: it is down" in capsys.readouterr().err
    assert cli.main([*watched.command, "--once", "--tracker-run", "r1"]) == 2
    assert "--tracker-run is a run of a tracker: add --tracker NAME" in capsys.readouterr().err


def test_the_baseline_may_be_one_model_of_a_folder_of_results(
    watched: Watch, capsys: pytest.CaptureFixture[str]
) -> None:
    copied(watched.folder, "step-55")
    for model, right in (("base/a", 60), ("base/b", 10)):
        bits = "1" * right + "0" * (100 - right)
        write(watched.output / "bases", record(greedy(bits), model=model))
    gate = ("--gate", str(watched.output / "bases"), "--margin", "0.02", "--once")
    assert cli.main([*watched.command, *gate, "--baseline-model", "a"]) == 10
    assert cli.main([*watched.command, *gate, "--baseline-model", "b"]) == 0
    assert cli.main([*watched.command, "--once", "--baseline-model", "b"]) == 2
    assert "--baseline-model is for the gate" in capsys.readouterr().err


def test_it_says_what_it_watches(watched: Watch, capsys: pytest.CaptureFixture[str]) -> None:
    for expected in ("0 checkpoints are there, 0", "1 checkpoints are there, 0", "1 checkpoints"):
        cli.main([*watched.command, "--once"])
        assert f"watching {watched.folder} for humaneval: {expected}" in capsys.readouterr().err
        if not list(watched.folder.iterdir()):
            copied(watched.folder, "step-10")


def test_nothing_evaluated_is_no_success(
    watched: Watch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([*watched.command, "--once"]) == 1
    assert "has no complete checkpoint" in capsys.readouterr().err


@pytest.mark.parametrize(("order", "names"), [("newest", [90, 50, 10]), ("oldest", [10, 50, 90])])
def test_order_gate_and_exit_status(
    watched: Watch, order: str, names: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    for step in (50, 10, 90):
        copied(watched.folder, f"step-{step}")
    baseline = write(watched.output, record(greedy("1" * 60 + "0" * 40), model="base"))
    gate = ("--gate", str(baseline), "--margin", "0.05", "--order", order, "--once")
    assert cli.main([*watched.command, *gate]) == 10
    assert watched.evaluated() == [f"step-{step}" for step in names]
    said = capsys.readouterr().err
    assert "step-90: humaneval 90.0 - pass" in said
    assert "step-50: humaneval 50.0 - regression" in said
    assert cli.main([*watched.command, *gate]) == 10
    assert len(watched.evaluated()) == 3
    page_text = (watched.output / "watch.html").read_text()
    assert page_text.index("step-10") < page_text.index("step-50") < page_text.index("step-90")
    assert "baseline" in page_text


def test_a_failure_is_said_and_tried_again_by_the_next_start(
    watched: Watch, capsys: pytest.CaptureFixture[str]
) -> None:
    copied(watched.folder, "broken-10")
    copied(watched.folder, "step-20")
    assert cli.main([*watched.command, "--once"]) == 1
    assert "broken-10: " in capsys.readouterr().err
    assert cli.main([*watched.command, "--once"]) == 1
    assert watched.evaluated().count("broken-10") == 2
    assert watched.evaluated().count("step-20") == 1
    assert "Without a score" in (watched.output / "watch.html").read_text()


def test_a_checkpoint_that_was_written_anew_is_evaluated_anew(watched: Watch) -> None:
    copied(watched.folder, "step-20")
    assert cli.main([*watched.command, "--once"]) == 0
    shutil.rmtree(watched.folder / "step-20")
    copied(watched.folder, "step-20", TINY[1])
    assert cli.main([*watched.command, "--once", "--", "--n", "2"]) == 0
    assert cli.main([*watched.command, "--once"]) == 0
    assert watched.evaluated() == ["step-20"] * 3
    assert watched.calls()[1]["command"][-2:] == ["--n", "2"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["watch", "."], "no benchmark is named"),
        (["watch", "nowhere", "--bench", "humaneval"], "is not a folder"),
        (["watch", ".", "--bench", "humaneval", "--", "--model", "x"], "--model after --"),
        (["watch", ".", "--bench", "humaneval", "--", "--lora", "x"], "--lora after --"),
        (
            ["watch", ".", "--bench", "humaneval", "--base", "x", "--", "--backend", "reference"],
            "takes no adapters",
        ),
        (["watch", ".", "--bench", "humaneval", "--", "--gate=x"], "put --gate and the policy's"),
        (["watch", ".", "--bench", "humaneval", "--", "--margin", "1"], "--margin after --"),
        (["watch", ".", "--bench", "humanevl"], "did you mean humaneval?"),
        (["watch", ".", "--bench", "humaneval@v9"], "has no version"),
        (["watch", ".", "--bench", "humaneval", "--", "--temprature", "0.2"], "--temprature"),
        (["watch", ".", "--bench", "humaneval", "--", "--n", "two"], "invalid int value"),
        (["watch", ".", "--bench", "humaneval", "--", "--slots", "0"], "at least one slot"),
        (["watch", ".", "--bench", "humaneval", "--", "--backend", "vlm"], "did you mean vllm?"),
        (["watch", str(TINY[0]), "--bench", "humaneval"], "is itself a checkpoint"),
        (["watch", ".", "--bench", "humaneval", "--webhook", "x"], "the webhook is not a URL"),
        (["watch", ".", "--bench", "humaneval", "--gate", "nowhere"], "does not exist"),
    ],
)
def test_what_cannot_be_watched_is_refused(
    capsys: pytest.CaptureFixture[str], options: list[str], words: str
) -> None:
    assert cli.main(options) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("outcomes", "status"),
    [
        ([("pass", ""), (None, ""), ("inconclusive", "")], 11),
        ([("inconclusive", ""), (None, "it failed")], 1),
        ([(None, "it failed"), ("regression", "")], 10),
        ([("pass", ""), (None, "")], 0),
        ([], 0),
    ],
)
def test_the_first_status_that_holds(outcomes: list[tuple[str | None, str]], status: int) -> None:
    results = [
        Evaluated("step", 1, "", (), answer=answer, problem=problem) for answer, problem in outcomes
    ]
    assert exit_status(results) == status


@pytest.fixture
def chat() -> Iterator[tuple[str, list[Any]]]:
    """A chat's URL with a secret in it, and what it was told; the first call fails."""
    told: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.append((self.path, json.loads(body)))
            self.send_response(500 if len(told) == 1 else 200)
            self.end_headers()

        def log_message(self, *arguments: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/hook/s3cret", told
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("kind", ["json", "slack", "lark"])
def test_a_chat_is_told_and_its_url_is_not_shown(
    watched: Watch,
    chat: tuple[str, list[Any]],
    kind: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    url, told = chat
    copied(watched.folder, "step-30")
    hook = ("--webhook", url, "--webhook-format", kind)
    assert cli.main([*watched.command, "--once", *hook]) == 0
    assert len(told) == 2, "a call that failed is made again"
    path, body = told[1]
    assert path == "/hook/s3cret"
    text = {"json": body.get("text"), "slack": body.get("text")}.get(kind) or body["content"][
        "text"
    ]
    assert text == "step-30: humaneval 30.0"
    assert kind != "json" or body["scores"]["humaneval"]["value"] == pytest.approx(0.3)
    assert "s3cret" not in capsys.readouterr().err
    written = [path for path in watched.output.rglob("*") if path.is_file()]
    assert not [path for path in written if b"s3cret" in path.read_bytes()]


def test_a_chat_that_fails_twice_is_told_by_the_third_try_and_logs_name_no_url(
    flaky_server: FlakyServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    flaky_server.failures = 2
    hook = Webhook(f"{flaky_server.url}/hook/s3cret", pause_s=0)
    assert hook.tell({"text": "x"}) is None
    assert flaky_server.bodies == [b'{"text": "x"}'] * 3
    flaky_server.failures = 3
    problem = hook.tell({"text": "x"})
    assert problem == "the webhook http://127.0.0.1/(hidden) did not get the message (status 503)"
    assert len(flaky_server.bodies) == 6
    assert "s3cret" not in caplog.text


def test_a_chat_that_is_down_ends_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    hook = Webhook("http://127.0.0.1:9/hook/s3cret", pause_s=0)
    problem = hook.tell({"text": "x"})
    assert problem is not None
    assert "http://127.0.0.1/(hidden)" in problem
    assert "s3cret" not in problem + repr(hook)
    with pytest.raises(UsageError):
        Webhook("ftp://host/s3cret")


def test_the_page_loads_nothing_and_escapes_names() -> None:
    score = Estimate(0.5, 0.4, 0.6)
    first = Point("<b>step-1", 1, score, "pass", cut_off=0.125, without_code=0.25)
    points = (first, Point("step-2", 2, Estimate(1, 0.9, 1)))
    text = page("a & b", [Curve("humaneval", points, score), Curve("mbpp", points[:1])], ["<i>"])
    assert "<b>step-1" not in text
    assert "&lt;b&gt;step-1" in text
    assert "&lt;i&gt;" in text
    assert '<td>12.5 %</td><td>25.0 %</td><td class="pass">pass</td>' in text
    assert "<td></td><td></td><td></td><td></td></tr>" in text
    assert text.count('<svg viewBox="0 0 720') == 2
    # The legend says what every mark means, and nothing of marks that are not there.
    assert text.count("</svg>pass</span>") == 2
    assert "</svg>regression</span>" not in text
    assert "http://" not in text.replace("http-equiv", "")
    assert "https://" not in text


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "backend",
    [
        "transformers",
        pytest.param("vllm", marks=[pytest.mark.vllm, loads_engines("one engine")]),
    ],
)
def test_a_real_checkpoint_is_evaluated_by_a_real_run(
    backend: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip(backend)
    reference = ("--backend", "reference", "--bench", "starter", "--sandbox", "local", "--quiet")
    assert cli.main([*reference, "--output", str(tmp_path / "base")]) == 0
    copied(tmp_path / "ckpts", "step-0300", TINY[-1])
    command = ("watch", str(tmp_path / "ckpts"), "--bench", "starter", "--once", "--settle", "1")
    gate = ("--gate", str(tmp_path / "base"), "--output", str(tmp_path / "out"))
    engine = ("--backend", backend, "--dtype", "float32", "--max-model-len", "1024")
    run = ("--", *engine, "--sandbox", "local", "--quiet")
    # 4 tasks of 24 lost and none gained: p is 1/16, and 24 tasks show no margin of a point.
    assert cli.main([*command, *gate, *run]) == 11
    assert "step-0300: starter 83.3 - inconclusive" in capsys.readouterr().err
    assert "step-0300" in (tmp_path / "out" / "watch.html").read_text()


def test_checkpoints_that_are_adapters_are_evaluated_on_their_base(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_tiny_adapter(tmp_path / "ckpts" / "checkpoint-20", TINY[-1])
    half = save_tiny_adapter(tmp_path / "ckpts" / "checkpoint-30", TINY[-1])
    cut(half / "adapter_model.safetensors", 0.5)
    command = ["watch", str(tmp_path / "ckpts"), "--bench", "starter", "--once", "--settle", "0.5"]
    run = ("--", "--backend", "transformers", "--limit", "2", "--max-tokens", "8")
    options = (*("--output", str(tmp_path / "out")), *run, "--sandbox", "local", "--quiet")
    assert cli.main([*command, *options]) == 1
    said = capsys.readouterr().err
    assert "it is an adapter: add --base" in said
    assert f"(its configuration says {TINY[-1]})" in said
    assert cli.main([*command, "--base", str(TINY[-1]), *options]) == 0
    said = capsys.readouterr().err
    assert "checkpoint-30 waits: adapter_model.safetensors is incomplete" in said
    (found,) = read_records([str(tmp_path / "out")])
    assert found.model == "starter-tiny-chat/step-0300 + ckpts/checkpoint-20"


def test_an_adapter_beside_a_model_is_part_of_its_checkpoint(tmp_path: Path) -> None:
    actor = tmp_path / "global_step_20" / "actor"
    shutil.copytree(TINY[0], actor / "huggingface")
    save_tiny_adapter(actor / "lora_adapter", TINY[0])
    (found,) = find_checkpoints(tmp_path)
    assert found.name == "global_step_20/actor/huggingface"
