"""The vLLM backend with a real engine and a model of a few hundred kilobytes."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from opencodeeval.backends import BackendOptions, open_backend
from opencodeeval.backends.base import Backend, Request
from opencodeeval.core.errors import BackendError
from opencodeeval.core.names import name_of_folder
from opencodeeval.core.reasoning import parts_of
from opencodeeval.core.types import Completion, Message, Prompt, Sampling
from tests.support.tiny_models import TEMPLATE, save_tiny_model, tiny_tokenizer

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed"),
]

# Reads arguments as the templates of models that reason do.
THINKING = (
    "{% if enable_thinking is defined and not enable_thinking %}<no thinking>{% endif %}"
    "{% if reasoning_effort is defined %}<{{ reasoning_effort }}>{% endif %}"
    "{% if opened is defined %}[THINK]{% endif %}"
)
OPENED = {"opened": True}
CONTEXT = 512
AT_ONCE = 4
SAMPLED = Sampling(temperature=1.0, max_tokens=40)
GREEDY = Sampling(temperature=0.0, max_tokens=40)


def options(**engine_args: Any) -> BackendOptions:
    # float32: the same request may meet other neighbours in its batch.
    return BackendOptions(
        dtype="float32",
        max_model_len=CONTEXT,
        engine_args={"max_num_seqs": AT_ONCE, **engine_args},
    )


def options_of_transformers() -> BackendOptions:
    return BackendOptions(dtype="float32", max_model_len=CONTEXT)


def chat(task_id: str, text: str = "Write add.", **fields: Any) -> Prompt:
    return Prompt(task_id, messages=(Message("user", text),), **fields)


def requests(tasks: int, samples: int = 1) -> list[Request]:
    return [Request(chat(f"t{t}"), n) for t in range(tasks) for n in range(samples)]


def family(pid: int) -> set[int]:
    """The processes that `pid` started, and those that they started."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if fields[0] != "Z":
            parents[int(stat.parent.name)] = int(fields[1])
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def engines() -> set[int]:
    """The processes of engines in this process, without those of other tests' server."""
    ours = family(os.getpid())
    for pid in [pid for pid in ours if "api_server" in cmdline(pid)]:
        ours -= family(pid)
    return {pid for pid in ours if "VLLM" in cmdline(pid)}


def gone(pids: set[int], within_s: float) -> bool:
    end = time.monotonic() + within_s
    while any(cmdline(pid) for pid in pids):
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    marks = ("[THINK]", "[/THINK]")
    return save_tiny_model(tmp_path_factory.mktemp("model"), TEMPLATE + THINKING, marks)


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


@pytest.fixture(scope="class")
def loaded(
    request: pytest.FixtureRequest, model: Path, loop: asyncio.AbstractEventLoop
) -> Iterator[None]:
    request.cls.backend = open_backend("vllm", str(model), options())
    request.cls.loop = loop
    yield
    loop.run_until_complete(request.cls.backend.close())


@pytest.mark.usefixtures("loaded")
class TestOneEngine:
    """One engine, loaded once; the last test closes it."""

    backend: Backend
    loop: asyncio.AbstractEventLoop

    def generate(self, asked: Sequence[Request], sampling: Sampling) -> list[Completion]:
        async def all_of_it() -> list[Completion]:
            return [each async for each in self.backend.generate(asked, sampling)]

        return self.loop.run_until_complete(all_of_it())

    def texts(self, asked: Sequence[Request], sampling: Sampling) -> dict[tuple[str, int], str]:
        return {
            (each.task_id, each.sample_id): each.text for each in self.generate(asked, sampling)
        }

    def one(self, prompt: Prompt, sampling: Sampling) -> Completion:
        (completion,) = self.generate([Request(prompt, 0)], sampling)
        return completion

    def test_a_completion_comes_while_others_are_still_being_written(self) -> None:
        arrivals = []

        async def arrive() -> None:
            sampling = Sampling(temperature=1.0, max_tokens=200)
            async for _ in self.backend.generate(requests(6 * AT_ONCE), sampling):
                arrivals.append(time.monotonic())

        started = time.monotonic()
        self.loop.run_until_complete(arrive())
        assert len(arrivals) == 6 * AT_ONCE
        assert arrivals[0] - started < (arrivals[-1] - started) / 2

    def test_every_request_is_answered_once_however_many_there_are(self) -> None:
        asked = requests(100, samples=3)
        answered = self.generate(asked, Sampling(temperature=1.0, max_tokens=4))
        assert sorted((each.task_id, each.sample_id) for each in answered) == sorted(
            (each.prompt.task_id, each.sample_id) for each in asked
        )

    def test_a_resumed_run_draws_what_an_undisturbed_one_draws(self) -> None:
        whole = self.texts(requests(3, samples=3), SAMPLED)
        rest = self.texts(requests(3, samples=3)[:4:-1], SAMPLED)
        assert len(rest) == 4
        assert all(whole[sample] == text for sample, text in rest.items())

    def test_samples_of_one_task_and_runs_of_other_seeds_differ(self) -> None:
        first = self.texts(requests(1, samples=4), SAMPLED)
        assert len(set(first.values())) == 4
        other = self.texts(requests(1, samples=4), Sampling(1, 1.0, 1.0, 40, seed=1))
        assert not set(first.values()) & set(other.values())

    def test_greedy_decoding_depends_on_the_prompt_alone(self) -> None:
        texts = set(self.texts(requests(2, samples=3), GREEDY).values())
        assert len(texts) == 1

    def test_an_answer_ends_before_a_stop_string(self) -> None:
        free = self.one(chat("t"), SAMPLED).text
        stop = next(each for each in free[5:] if each.isascii() and each not in free[:5])
        stopped = self.one(chat("t", stop=(stop,)), SAMPLED)
        assert stopped.text == free[: free.index(stop)]
        assert stopped.finish_reason == "stop"

    def test_an_answer_of_max_tokens_says_so(self) -> None:
        completion = self.one(chat("t"), Sampling(max_tokens=5))
        assert (completion.finish_reason, completion.completion_tokens) == ("length", 5)

    def test_a_prompt_that_leaves_no_room_gets_an_empty_answer(self) -> None:
        completion = self.one(Prompt("t", text="word " * CONTEXT), GREEDY)
        assert completion.finish_reason == "prompt_too_long"
        assert completion.text == ""
        assert completion.prompt_tokens >= CONTEXT

    @pytest.mark.parametrize("room", [1, 7])
    def test_an_answer_is_cut_to_the_room_that_the_prompt_leaves(self, room: int) -> None:
        tokenizer = tiny_tokenizer()
        text = tokenizer.decode([5] * (CONTEXT - room - 1))
        completion = self.one(Prompt("t", text=text), Sampling(temperature=1.0, max_tokens=40))
        assert completion.prompt_tokens == CONTEXT - room
        assert completion.completion_tokens == room
        assert completion.finish_reason == "length"

    def test_the_engine_sees_the_rendered_chat_with_one_bos(self) -> None:
        prompt = chat("t", response_prefix="Below:\n```python\n")
        completion = self.one(prompt, GREEDY)
        assert completion.prompt.startswith("<s><|user|>\nWrite add.")
        assert completion.prompt.endswith("<|assistant|>\nBelow:\n```python\n")
        plain = tiny_tokenizer()(completion.prompt, add_special_tokens=False)["input_ids"]
        assert completion.prompt_tokens == len(plain)

    @pytest.mark.parametrize("most_likely_only", [{"top_k": 1}, {"min_p": 1.0}])
    def test_top_k_and_min_p_leave_the_most_likely_tokens(
        self, most_likely_only: dict[str, Any]
    ) -> None:
        greedy = self.one(chat("t"), GREEDY).text
        assert self.one(chat("t"), SAMPLED).text != greedy
        assert self.one(chat("t"), replace(SAMPLED, **most_likely_only)).text == greedy

    @pytest.mark.parametrize(
        "penalty",
        [{"repetition_penalty": 1.5}, {"presence_penalty": 2.0}, {"frequency_penalty": 2.0}],
    )
    def test_penalties_make_repetitions_rarer(self, penalty: dict[str, Any]) -> None:
        def different(sampling: Sampling) -> int:
            return len(set(tiny_tokenizer()(self.one(chat("t"), sampling).text)["input_ids"]))

        assert different(replace(GREEDY, **penalty)) > different(GREEDY)

    def test_an_answer_goes_on_after_the_end_of_text_if_asked(self) -> None:
        asked, sampling = requests(10), Sampling(temperature=1.0, max_tokens=200)
        ended = {
            each.task_id for each in self.generate(asked, sampling) if each.completion_tokens < 200
        }
        assert ended
        beyond = self.generate(asked, replace(sampling, ignore_eos=True))
        assert {each.completion_tokens for each in beyond} == {200}

    def test_the_chat_template_gets_its_arguments(self) -> None:
        asked = replace(
            GREEDY, chat_template_args={"enable_thinking": False}, reasoning_effort="low"
        )
        assert self.one(chat("t"), GREEDY).prompt.endswith("<|assistant|>\n")
        assert self.one(chat("t"), asked).prompt.endswith("<|assistant|>\n<no thinking><low>")
        with pytest.raises(BackendError, match="does not read 'thinking'"):
            self.one(chat("t"), replace(GREEDY, chat_template_args={"thinking": False}))

    def test_sampling_that_vllm_refuses_is_an_error_in_its_words(self) -> None:
        with pytest.raises(BackendError, match="vLLM refuses to answer t: top_p must be"):
            self.one(chat("t"), replace(SAMPLED, top_p=2.0))
        assert self.one(chat("t"), GREEDY).text

    def test_a_base_prompt_is_completed_as_it_stands(self) -> None:
        completion = self.one(Prompt("t", text="def add"), GREEDY)
        assert completion.prompt == "def add"
        assert completion.form == "answer"  # what becomes of it is the benchmark's business
        assert completion.prompt_tokens == len(tiny_tokenizer()("def add")["input_ids"])

    def test_marks_of_reasoning_that_are_special_tokens_stay_in_a_chat_answer(self) -> None:
        sampling = Sampling(temperature=1.0, max_tokens=200)
        chats = self.generate(requests(1, samples=24), sampling)
        assert any("[THINK]" in each.text for each in chats)
        assert any(each.thinking_tokens for each in chats)
        assert not any("</s>" in each.text for each in chats)
        asked = [Request(Prompt("t", text="def add"), number) for number in range(24)]
        assert not any("THINK]" in each.text for each in self.generate(asked, sampling))

    def test_reasoning_is_cut_at_its_budget_and_the_answer_asked_for(self, model: Path) -> None:
        asked = [Request(chat(f"t{n}", f"Write add {n}."), 0) for n in range(6)]
        free = replace(GREEDY, chat_template_args=OPENED)
        budgeted = replace(free, thinking_budget=12)
        whole = {each.task_id: each for each in self.generate(asked, free)}
        found = {each.task_id: each for each in self.generate(asked, budgeted)}
        for task, each in found.items():
            thought, mark, answer = each.text.partition("[/THINK]")
            assert mark
            assert answer
            assert whole[task].text.startswith(thought)
            assert each.thinking_cut
            assert each.thinking_tokens == 12
            assert each.finish_reason == "length"
            assert each.completion_tokens == GREEDY.max_tokens
            parts = parts_of(each)
            assert (parts.answer, parts.reasoning, parts.ended) == (answer, thought.strip(), True)
        # The same model in transformers, which closes the reasoning in its own loop.
        other = open_backend("transformers", str(model), options_of_transformers())

        async def theirs() -> list[Completion]:
            return [each async for each in other.generate(asked, budgeted)]

        answers = {each.task_id: each for each in self.loop.run_until_complete(theirs())}
        self.loop.run_until_complete(other.close())
        assert answers == found

    def test_reasoning_within_its_budget_is_as_without_one(self) -> None:
        asked = requests(4, samples=2)
        for arguments, budget in ((OPENED, 39), ({}, 5)):
            free = replace(SAMPLED, chat_template_args=arguments)
            budgeted = replace(free, thinking_budget=budget)
            texts = [
                {(each.task_id, each.sample_id): each for each in self.generate(asked, sampling)}
                for sampling in (free, budgeted)
            ]
            assert texts[0] == texts[1]

    def test_the_engine_goes_on_after_a_consumer_that_stopped_early(self) -> None:
        async def stop_early() -> None:
            stream: Any = self.backend.generate(requests(20), Sampling(max_tokens=400))
            await anext(stream)
            await stream.aclose()

        started = time.monotonic()
        self.loop.run_until_complete(stop_early())
        assert len(self.generate(requests(2), GREEDY)) == 2
        stopped_early = time.monotonic() - started
        self.generate(requests(20), Sampling(max_tokens=400))
        assert stopped_early < time.monotonic() - started - stopped_early

    def test_the_identity_names_weights_versions_settings_and_hardware(self, model: Path) -> None:
        identity = json.loads(json.dumps(self.backend.identity()))
        assert identity["backend"] == "vllm"
        assert identity["model"] == name_of_folder(Path(model))
        assert len(identity["weights_digest"]) == 64
        assert identity["model_type"] == self.backend.model_type == "chat"
        assert identity["dtype"] == "float32"
        assert identity["max_model_len"] == CONTEXT
        assert identity["engine_args"] == {"max_num_seqs": AT_ONCE}
        assert set(identity["versions"]) == {"vllm", "torch", "transformers"}
        assert identity["hardware"]["device"]
        assert identity["hardware"]["count"] >= 1

    def test_closing_ends_every_process_and_what_is_still_awaited(self) -> None:
        engine = engines()
        assert engine
        backend: Any = self.backend
        sockets = backend._engine.llm.engine_core.resources

        async def close_midway() -> None:
            stream: AsyncIterator[Completion] = self.backend.generate(
                requests(20), Sampling(max_tokens=400)
            )
            await anext(stream)
            await asyncio.gather(self.backend.close(), consume(stream))

        with pytest.raises(BackendError, match="was closed"):
            self.loop.run_until_complete(close_midway())
        # Not left by the first, which the error overtook: see Engine.shutdown.
        self.loop.run_until_complete(self.backend.close())
        assert gone(engine, within_s=25)
        assert sockets.input_socket.closed
        assert sockets.output_socket.closed


def taken_log(error: BackendError) -> str:
    """The text of the log that a message names, which is removed."""
    found = re.search(r"\(its log is (.*)\)$", str(error))
    assert found
    text = Path(found[1]).read_text(errors="replace")
    Path(found[1]).unlink()
    return text


def cmdline(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


async def consume(stream: AsyncIterator[Completion]) -> None:
    async for _ in stream:
        pass


def test_an_engine_that_cannot_load_the_weights_says_why_and_leaves_nothing(
    model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for file in model.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(BackendError) as caught:
        open_backend("vllm", str(tmp_path), options())
    assert "did not start: Error while deserializing header" in str(caught.value)
    assert "SafetensorError" in taken_log(caught.value)
    assert not engines()
    assert capfd.readouterr() == ("", "")


def test_a_setting_that_vllm_refuses_is_reported_in_its_own_words(model: Path) -> None:
    with pytest.raises(BackendError, match="did not start: dtype: Input should be"):
        open_backend("vllm", str(model), BackendOptions(dtype="float99"))


def test_a_killed_engine_fails_the_awaited_requests_at_once(model: Path) -> None:
    backend = open_backend("vllm", str(model), options())

    async def kill_midway() -> None:
        stream = backend.generate(requests(40), Sampling(max_tokens=400))
        await anext(stream)
        for pid in engines():
            if "VLLM::Worker" in cmdline(pid):
                os.kill(pid, signal.SIGKILL)
        try:
            await asyncio.wait_for(consume(stream), timeout=60)
        finally:
            await backend.close()

    with pytest.raises(
        BackendError, match=r"died during the run, which the same command continues: .*killed"
    ) as caught:
        asyncio.run(kill_midway())
    assert "died unexpectedly" in taken_log(caught.value)
    assert not engines()


# A shell that starts the tests in the background has them ignore Ctrl-C.
SCRIPT = """
import asyncio, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from opencodeeval.backends import BackendOptions, open_backend
from opencodeeval.backends.base import Request
from opencodeeval.core.types import Prompt, Sampling

async def answers(backend):
    requests = [Request(Prompt(str(number), text="def "), 0) for number in range(10_000)]
    async for completion in backend.generate(requests, Sampling(temperature=1.0, max_tokens=400)):
        print("answer", file=sys.stderr, flush=True)

if __name__ == "__main__":
    print("opening", file=sys.stderr, flush=True)
    backend = open_backend("vllm", sys.argv[1], BackendOptions(max_model_len=512, dtype="float32"))
    asyncio.run(answers(backend))
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    return path


def start(script: Path, model: Path, repo_root: Path, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(script), str(model)],
        env={**os.environ, "PYTHONPATH": str(repo_root), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for_line(process: subprocess.Popen[str], wanted: str) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        assert line.strip() in ("opening", "answer"), line
        if line.strip() == wanted:
            return
    pytest.fail(f"the script ended without saying {wanted!r}")


def test_a_killed_parent_takes_its_engine_along_having_touched_neither_stdout_nor_network(
    script: Path, model: Path, repo_root: Path
) -> None:
    callers = []
    with tempfile.TemporaryDirectory() as scratch, socket.create_server(("127.0.0.1", 0)) as server:

        def count() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                callers.append(connection.recv(1000))
                connection.close()

        threading.Thread(target=count, daemon=True).start()
        endpoint = f"http://127.0.0.1:{server.getsockname()[1]}"
        process = start(script, model, repo_root, HF_ENDPOINT=endpoint, TMPDIR=scratch)
        try:
            wait_for_line(process, "answer")
            started = family(process.pid)
            assert any("VLLM::EngineCore" in cmdline(pid) for pid in started)
        finally:
            process.kill()
        assert gone(started, within_s=15)
        assert process.communicate()[0] == ""
    assert callers == []


def test_a_ctrl_c_while_the_engine_starts_leaves_no_process(
    script: Path, model: Path, repo_root: Path
) -> None:
    process = start(script, model, repo_root)
    try:
        wait_for_line(process, "opening")
        end = time.monotonic() + 60
        while not (started := engine_starting(process.pid)) and time.monotonic() < end:
            time.sleep(0.2)
        assert started
        time.sleep(3)  # well into the engine's own start
        started = family(process.pid)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=90) != 0
        assert gone(started, within_s=5)
    finally:
        process.kill()
        process.communicate()


def engine_starting(pid: int) -> set[int]:
    return {child for child in family(pid) if "spawn_main" in cmdline(child)}
