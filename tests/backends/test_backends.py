"""What holds of the backends without loading a model."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opencodeeval.backends import BackendOptions, open_backend, parse_engine_args
from opencodeeval.backends.base import Request
from opencodeeval.backends.models import find_model, weight_digest
from opencodeeval.backends.reference import ReferenceBackend
from opencodeeval.backends.rendering import (
    about_template,
    marks_are_special,
    model_type_of,
    render,
    stop_token_ids,
    with_thinking_tokens,
)
from opencodeeval.backends.samples import SamplesBackend
from opencodeeval.backends.streaming import as_finished, request_seed
from opencodeeval.backends.vllm_engine import last_error, one_line
from opencodeeval.core.errors import BackendError, UsageError
from opencodeeval.core.types import Completion, Message, Prompt, Sampling, Style, Task
from tests.support.tiny_models import TEMPLATE, tiny_tokenizer

Value = TypeVar("Value")

needs_vllm = pytest.mark.skipif(
    importlib.util.find_spec("vllm") is None, reason="vLLM is not installed"
)


def task(task_id: str) -> Task:
    return Task(task_id, Style.FUNCTION, "", "f", reference=f"# {task_id}", tests={})


def request(task_id: str, sample_id: int = 0) -> Request:
    return Request(Prompt(task_id=task_id), sample_id)


def collect(stream: AsyncIterator[Value]) -> list[Value]:
    async def all_of_it() -> list[Value]:
        return [each async for each in stream]

    return asyncio.run(all_of_it())


# Backends that ask no model


def test_the_reference_backend_answers_with_the_reference_program_of_each_task() -> None:
    backend = open_backend("reference", "", BackendOptions(), [task("a"), task("b")])
    completions = collect(backend.generate([request("b", 0), request("a", 1)], Sampling()))
    assert [(each.task_id, each.sample_id, each.text) for each in completions] == [
        ("b", 0, "# b"),
        ("a", 1, "# a"),
    ]
    assert {(each.form, each.finish_reason) for each in completions} == {("program", "reference")}
    assert backend.model_type == "base"
    assert backend.identity()["backend"] == "reference"


def test_the_reference_backend_names_a_task_that_it_was_not_given() -> None:
    with pytest.raises(BackendError, match="without task b"):
        collect(ReferenceBackend([task("a")]).generate([request("b")], Sampling()))


def test_the_samples_backend_gives_each_request_its_own_sample() -> None:
    samples = [Completion("a", number, f"text {number}") for number in range(3)]
    backend = SamplesBackend(samples, {"file": "samples.jsonl"})
    assert collect(backend.generate([request("a", 2), request("a", 0)], Sampling())) == [
        samples[2],
        samples[0],
    ]
    assert backend.identity() == {"backend": "samples", "file": "samples.jsonl"}


def test_the_samples_backend_names_a_sample_that_is_missing() -> None:
    with pytest.raises(BackendError, match="no sample 1 of task a"):
        collect(
            SamplesBackend([Completion("a", 0, "")], {}).generate([request("a", 1)], Sampling())
        )


def test_an_unknown_backend_is_refused_with_the_names_of_those_that_exist() -> None:
    with pytest.raises(UsageError, match=r"'vlm'; did you mean vllm\? Available: .*reference, .*"):
        open_backend("vlm", "model", BackendOptions())


# Engine arguments


@pytest.mark.parametrize(
    ("pair", "key", "value"),
    [
        ("max-num-seqs=64", "max_num_seqs", 64),
        ("--max-num-seqs=64", "max_num_seqs", 64),
        ("gpu_memory_utilization=0.8", "gpu_memory_utilization", 0.8),
        ("enforce_eager=true", "enforce_eager", True),
        ("enforce_eager=False", "enforce_eager", False),
        ("quantization=awq", "quantization", "awq"),
        ('hf_overrides={"rope_theta": 1e6}', "hf_overrides", {"rope_theta": 1e6}),
        ("load_format=a=b", "load_format", "a=b"),
    ],
)
def test_engine_arguments_are_json_or_strings(pair: str, key: str, value: Any) -> None:
    assert parse_engine_args([pair]) == {key: value}


@pytest.mark.parametrize("pair", ["enforce_eager", "=1", ""])
def test_an_engine_argument_without_key_or_value_is_refused(pair: str) -> None:
    with pytest.raises(UsageError, match="key=value"):
        parse_engine_args([pair])


def test_the_model_cannot_be_named_a_second_time_as_an_engine_argument() -> None:
    with pytest.raises(UsageError, match="--model"):
        parse_engine_args(["model=other"])


@needs_vllm
def test_an_engine_argument_unknown_to_vllm_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UsageError, match=r"'max_num_seq'.*'max_num_seqs'"):
        parse_engine_args(["max_num_seq=4"])


# Streaming


@given(count=st.integers(0, 40), limit=st.integers(1, 50), yields=st.randoms())
def test_every_item_is_worked_on_once_and_at_most_limit_at_a_time(
    count: int, limit: int, yields: Any
) -> None:
    running = peak = 0

    async def work(item: int) -> int:
        nonlocal running, peak
        running += 1
        peak = max(peak, running)
        for _ in range(yields.randrange(1, 4)):
            await asyncio.sleep(0)
        running -= 1
        return item

    assert sorted(collect(as_finished(range(count), work, limit))) == list(range(count))
    assert peak == min(count, limit)


def test_results_come_in_the_order_of_finishing() -> None:
    finish = {name: asyncio.Event() for name in "abc"}

    async def work(name: str) -> str:
        await finish[name].wait()
        return name

    async def scenario() -> list[str]:
        stream = as_finished("abc", work, 3)
        seen = []
        for name in "cab":
            finish[name].set()
            seen.append(await anext(stream))
        return seen

    assert asyncio.run(scenario()) == ["c", "a", "b"]


def test_a_failure_reaches_the_consumer_and_ends_the_rest() -> None:
    ended = []

    async def work(item: int) -> int:
        if item == 1:
            raise BackendError("the engine died")
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(item)
        return item

    with pytest.raises(BackendError, match="the engine died"):
        collect(as_finished([0, 1, 2], work, 2))
    assert ended == [0]  # and 2 was never begun


def test_a_consumer_that_stops_early_leaves_nothing_running() -> None:
    async def work(item: int) -> int:
        await asyncio.sleep(0 if item == 0 else 3600)
        return item

    async def scenario() -> int:
        stream: Any = as_finished(range(10), work, 4)
        await anext(stream)
        await stream.aclose()
        return len(asyncio.all_tasks())

    assert asyncio.run(scenario()) == 1


def test_seeds_depend_on_run_seed_task_and_sample_and_never_change() -> None:
    assert request_seed(0, "HumanEval/0", 0) == 4681596313137111760
    variants = {request_seed(s, t, n) for s in (0, 1) for t in ("a", "b") for n in (0, 1)}
    assert len(variants) == 8
    assert all(0 <= each < 2**63 for each in variants)


# Prompts


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return tiny_tokenizer()


def chat(prefix: str = "") -> Prompt:
    return Prompt("t", messages=(Message("user", "Write add."),), response_prefix=prefix)


def test_a_base_prompt_is_tokenised_with_the_tokenizers_own_special_tokens(tokenizer: Any) -> None:
    rendered = render(tokenizer, Prompt("t", text="def add"))
    assert rendered.text == "def add"
    assert tokenizer.decode(rendered.token_ids) == "<s>def add"


def test_no_prompt_ends_in_the_end_token() -> None:
    from tokenizers import processors

    tokenizer = tiny_tokenizer()
    # As `add_eos_token` does.
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 1)]
    )
    assert tokenizer("def add")["input_ids"][-1] == tokenizer.eos_token_id
    assert (
        tokenizer.decode(render(tokenizer, Prompt("t", text="def add")).token_ids) == "<s>def add"
    )
    rendered = render(tokenizer, chat())
    assert tokenizer.decode(rendered.token_ids) == rendered.text
    tokenizer.chat_template = TEMPLATE.removeprefix("{{ bos_token }}")
    assert render(tokenizer, chat()).token_ids[-1] != tokenizer.eos_token_id
    # What the text itself ends in stays.
    assert render(tokenizer, Prompt("t", text="x</s>")).token_ids[-1] == tokenizer.eos_token_id


def test_a_chat_prompt_ends_where_the_answer_begins(tokenizer: Any) -> None:
    assert render(tokenizer, chat()).text == "<s><|user|>\nWrite add.<|end|>\n<|assistant|>\n"


def test_a_template_that_writes_bos_gets_no_second_one(tokenizer: Any) -> None:
    for prompt in (chat(), chat("Here:\n```python\n")):
        assert render(tokenizer, prompt).token_ids.count(tokenizer.bos_token_id) == 1


def test_a_template_that_writes_no_bos_gets_the_tokenizers_own() -> None:
    tokenizer = tiny_tokenizer(TEMPLATE.removeprefix("{{ bos_token }}"))
    rendered = render(tokenizer, chat())
    assert rendered.token_ids[0] == tokenizer.bos_token_id
    assert rendered.token_ids.count(tokenizer.bos_token_id) == 1


def test_a_response_prefix_is_continued_exactly_as_evalplus_does(tokenizer: Any) -> None:
    utility = pytest.importorskip("evalplus.provider.utility")
    theirs = utility.make_raw_chat_prompt("def add(a, b):\n", "Solve:", "Below:", tokenizer)
    ours = Prompt(
        "t",
        messages=(Message("user", "Solve:\n```\ndef add(a, b):\n```\n"),),
        response_prefix="Below:\n```python\n",
    )
    assert render(tokenizer, ours).text == theirs


def test_a_template_that_drops_the_answer_is_refused_in_words() -> None:
    tokenizer = tiny_tokenizer("{{ messages[0].content }}")
    with pytest.raises(BackendError, match="drops the start of the answer"):
        render(tokenizer, chat("Below:"))


def test_a_template_that_refuses_a_role_is_reported_in_words() -> None:
    tokenizer = tiny_tokenizer("{{ raise_exception('no system turn') }}")
    with pytest.raises(BackendError, match="prompt of t: no system turn"):
        render(tokenizer, chat())


SYSTEM = Message("system", "Be brief.")
WITH_SYSTEM = Prompt("t", messages=(SYSTEM, Message("user", "Write add.")))


REFUSING = "{% if messages[0].role == 'system' %}{{ raise_exception('no system turn') }}{% endif %}"
USERS = "{% for m in messages if m.role != 'system' %}<{{ m.role }}>{{ m.content }}{% endfor %}"


@pytest.mark.parametrize("template", [REFUSING + USERS, USERS], ids=["refused", "dropped"])
def test_without_a_system_role_its_text_goes_before_the_first_user_turn(template: str) -> None:
    tokenizer = tiny_tokenizer(template)
    for asked in (Sampling(), Sampling(system_prompt="Be brief.")):
        assert render(tokenizer, WITH_SYSTEM, asked).text == "<user>Be brief.\n\nWrite add."
    assert render(tokenizer, chat()).text == "<user>Write add."
    begun = replace(WITH_SYSTEM, response_prefix="Below:")
    assert render(tokenizer, begun).text == "<user>Be brief.\n\nWrite add.<assistant>Below:"
    # It is said in the record, and a part of the run's id.
    assert about_template(tokenizer, "chat") == {"system_role": "before the first user turn"}
    assert about_template(tokenizer, "base") == {}


def test_a_template_that_refuses_every_turn_is_told_with_what_to_do() -> None:
    tokenizer = tiny_tokenizer("{{ raise_exception('no system turn') }}")
    asked = Sampling(system_prompt="Be brief.")
    with pytest.raises(BackendError, match=r"no system turn \(leave out --system-prompt, or use"):
        render(tokenizer, WITH_SYSTEM, asked)
    with pytest.raises(BackendError, match="the protocol has a system message: replace the chat"):
        render(tokenizer, WITH_SYSTEM)
    assert about_template(tokenizer, "chat") == {}


def test_a_template_that_drops_the_first_turns_is_refused_a_system_prompt() -> None:
    tokenizer = tiny_tokenizer("{{ messages[-1].content[-10:] }}")
    with pytest.raises(BackendError, match="drops the system prompt: leave out --system-prompt"):
        render(tokenizer, WITH_SYSTEM, Sampling(system_prompt="Be brief."))
    # Templates may strip a turn.
    tokenizer = tiny_tokenizer("{% for m in messages %}{{ m.content | trim }}{% endfor %}")
    stripped = Prompt("t", messages=(Message("system", " Be.\n"), Message("user", "Write add.")))
    assert render(tokenizer, stripped, Sampling(system_prompt=" Be.\n")).text == "Be.Write add."


def test_arguments_and_reasoning_effort_reach_the_template() -> None:
    tokenizer = tiny_tokenizer(
        "{{ messages[0].content }} {{ enable_thinking }} {{ reasoning_effort }}"
    )
    asked = Sampling(chat_template_args={"enable_thinking": False}, reasoning_effort="low")
    assert render(tokenizer, chat(), asked).text == "Write add. False low"


def test_an_argument_that_the_template_does_not_read_is_refused(tokenizer: Any) -> None:
    template = "{{ 'thinking' }} thinking {% if enable_thinking %}{% endif %}{# thinking #}"
    with pytest.raises(BackendError, match="does not read 'thinking'"):
        render(tiny_tokenizer(template), chat(), Sampling(chat_template_args={"thinking": False}))
    by_preset = Sampling(
        chat_template_args={"a": 1}, preset="mine", from_preset=("chat_template_args",)
    )
    with pytest.raises(BackendError, match="'a', which the preset mine sets: take a preset of"):
        render(tokenizer, chat(), by_preset)
    with pytest.raises(BackendError, match=r"'reasoning_effort': .* leave out --reasoning"):
        render(tokenizer, chat(), Sampling(reasoning_effort="low"))


DATED = "{{ strftime_now('%d %b %Y') }}: {{ messages[0].content }}"


def test_a_template_that_writes_the_day_s_date_gives_the_same_prompt_every_day() -> None:
    tokenizer = tiny_tokenizer(DATED)
    assert render(tokenizer, chat()).text == "26 Jul 2024: Write add."
    assert about_template(tokenizer, "chat") == {"template_date": "2024-07-26"}
    assert about_template(tokenizer, "base") == {}
    assert about_template(tiny_tokenizer(), "chat") == {}


def test_a_template_that_cannot_be_read_is_told_of_in_words() -> None:
    tokenizer = tiny_tokenizer("{% if %}")
    assert about_template(tokenizer, "chat") == {}
    with pytest.raises(BackendError, match="chat template refuses the prompt of t: "):
        render(tokenizer, chat())


def test_stop_strings_that_are_special_tokens_stop_as_tokens(tokenizer: Any) -> None:
    # "d" is one token too, but an ordinary one, which the text shows.
    stops = ("\ndef ", "</s>", "d", "<|end|>", "<|endoftext|>")
    assert stop_token_ids(tokenizer, stops) == [1, 2]


def test_marks_of_reasoning_may_be_special_tokens(tokenizer: Any) -> None:
    assert not marks_are_special(tokenizer)
    for marks, special in ((["<think>", "</think>"], False), (["[THINK]", "[/THINK]"], True)):
        other = tiny_tokenizer()
        other.add_tokens(marks, special_tokens=special)
        assert marks_are_special(other) is special


def test_the_tokens_of_reasoning_are_counted(tokenizer: Any) -> None:
    text = "<think>\ndef add(a, b):\n</think>\nx = 1"
    completion = Completion("t", 0, text, completion_tokens=50)
    count = len(tokenizer("def add(a, b):", add_special_tokens=False)["input_ids"])
    assert with_thinking_tokens(tokenizer, completion).thinking_tokens == count
    cut = replace(completion, text="def add(a, b):", prompt="<think>\n")
    assert with_thinking_tokens(tokenizer, cut).thinking_tokens == count
    plain = replace(completion, text="x = 1")
    assert with_thinking_tokens(tokenizer, plain) == plain


def test_a_model_with_a_chat_template_is_a_chat_model_unless_told_otherwise() -> None:
    with_template, without = tiny_tokenizer(), tiny_tokenizer(None)
    assert model_type_of(with_template, "auto", "m") == "chat"
    assert model_type_of(with_template, "base", "m") == "base"
    assert model_type_of(without, "auto", "m") == "base"
    with pytest.raises(BackendError, match=r"m has no chat template.*--model-type base"):
        model_type_of(without, "chat", "m")


# Models


@pytest.fixture
def model_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    for name in ("config.json", "tokenizer.json", "model.safetensors", "optimizer.pt"):
        (folder / name).write_text(name)
    return folder


def remove(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).unlink()


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (remove("config.json"), "has no config.json"),
        (remove("tokenizer.json"), "has no tokenizer"),
        (remove("model.safetensors"), "has no weights"),
        (
            lambda folder: (folder / "config.json").rename(folder / "adapter_config.json"),
            "adapter without its model",
        ),
    ],
)
def test_an_incomplete_model_folder_is_refused_at_once(
    model_folder: Path, damage: Callable[[Path], object], complaint: str
) -> None:
    damage(model_folder)
    with pytest.raises(BackendError, match=complaint):
        open_backend("vllm", str(model_folder), BackendOptions())


def test_a_folder_of_checkpoints_is_refused_with_the_name_of_one(model_folder: Path) -> None:
    with pytest.raises(BackendError, match=r"no config\.json.*/model\)"):
        find_model(str(model_folder.parent), None)


@pytest.mark.parametrize("name", ["/no/such/model", "./nosuch", "~/nosuch", "a/b/c"])
def test_a_path_that_does_not_exist_is_not_looked_for_on_the_hub(name: str) -> None:
    with pytest.raises(BackendError, match="no model folder"):
        find_model(name, None)


def test_without_vllm_the_message_says_what_to_install(
    model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "vllm", None)
    with pytest.raises(BackendError, match=r"opencodeeval\[vllm\].*opencodeeval\[cpu\]"):
        open_backend("vllm", str(model_folder), BackendOptions())


@pytest.mark.parametrize("changed", ["config.json", "tokenizer.json", "model.safetensors"])
def test_the_digest_changes_with_everything_that_changes_answers(
    model_folder: Path, changed: str
) -> None:
    before = weight_digest(model_folder)
    (model_folder / changed).write_text("other")
    assert weight_digest(model_folder) != before


def test_the_digest_does_not_change_with_place_or_what_a_trainer_left(model_folder: Path) -> None:
    before = weight_digest(model_folder)
    (model_folder / "optimizer.pt").write_text("other")
    (model_folder / "training_args.bin").write_text("other")
    (model_folder / "README.md").write_text("other")
    assert weight_digest(model_folder.rename(model_folder.with_name("moved"))) == before


# Hub models, against a server that speaks the hub's protocol


COMMIT = "0123456789abcdef0123456789abcdef01234567"


class _Hub(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path.startswith("/api/models/org/model/revision/nosuch"):
            self._answer(404, "RevisionNotFound", {"error": "no such revision"})
        elif self.path.startswith("/api/models/org/model"):
            files = [{"rfilename": "config.json"}]
            self._answer(200, "", {"id": "org/model", "sha": COMMIT, "siblings": files})
        elif self.path.startswith("/api/models/org/data"):
            self._answer(200, "", {"id": "org/data", "sha": COMMIT, "siblings": []})
        elif self.path.startswith("/api/models/org/gated"):
            self._answer(403, "GatedRepo", {"error": "gated"})
        else:
            self._answer(404, "RepoNotFound", {"error": "no such model"})

    def _answer(self, status: int, code: str, body: object) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        if code:
            self.send_header("X-Error-Code", code)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def hub() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


_FIND = """
import sys
from opencodeeval.backends.models import find_model
from opencodeeval.core.errors import BackendError
try:
    found = find_model(sys.argv[1], sys.argv[2] or None)
    print("found", found.commit, found.folder)
except BackendError as error:
    print(error)
assert not {"vllm", "torch", "transformers"} & set(sys.modules)
"""


def find_in_new_process(endpoint: str, cache: Path, name: str, revision: str = "") -> str:
    # The hub's library reads its settings once per process.
    environment = {**os.environ, "HF_ENDPOINT": endpoint, "HF_HOME": str(cache)}
    done = subprocess.run(
        [sys.executable, "-c", _FIND, name, revision],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("name", "revision", "answer"),
    [
        ("org/model", "", f"found {COMMIT} None"),
        ("org/model", "nosuch", "has no revision nosuch"),
        ("org/nosuch", "", "no such model on the hub"),
        ("org/gated", "", "is gated: accept its terms"),
        ("org/data", "", "has no config.json"),
        ("not a name", "", "not a hub model id"),
    ],
)
def test_a_hub_model_is_resolved_to_a_commit_or_refused_in_words(
    hub: str, tmp_path: Path, name: str, revision: str, answer: str
) -> None:
    assert answer in find_in_new_process(hub, tmp_path, name, revision)


def test_without_network_an_unknown_name_is_refused_with_what_to_do(tmp_path: Path) -> None:
    answer = find_in_new_process("http://127.0.0.1:9", tmp_path, "org/model")
    assert "hub cannot be reached" in answer
    assert "local folder" in answer
    assert "--revision" in answer


def test_without_network_a_model_in_the_cache_is_used_from_there(
    tmp_path: Path, model_folder: Path
) -> None:
    repository = tmp_path / "hub" / "models--org--model"
    snapshot = repository / "snapshots" / COMMIT
    snapshot.parent.mkdir(parents=True)
    model_folder.rename(snapshot)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    answer = find_in_new_process("http://127.0.0.1:9", tmp_path, "org/model")
    assert answer == f"found {COMMIT} {snapshot}"


# What an engine's log says


def test_the_reason_of_a_failure_is_the_last_error_that_says_anything() -> None:
    log = """\
(EngineCore pid=9) ERROR 11-23 17:27:03 [core.py:1512] Traceback (most recent call last):
(EngineCore pid=9) ERROR 11-23 17:27:03 [core.py:1512] torch.OutOfMemoryError: CUDA out of memory.
(EngineCore pid=9) Process EngineCore:
(EngineCore pid=9) Traceback (most recent call last):
(EngineCore pid=9) RuntimeError: Worker failed. See stack trace above for the root cause.
RuntimeError: cancelled
"""
    assert last_error(log) == "CUDA out of memory."
    log += "(EngineCore pid=9) ERROR 11-23 17:27:03 [core.py:1512] KeyError: '0-9b7e592b'\n"
    assert last_error(log) == "KeyError: '0-9b7e592b'"


def test_a_killed_worker_is_named_where_the_log_names_no_error() -> None:
    log = "ERROR 11-23 17:27:03 [x.py:1] Worker proc VllmWorker-0 died unexpectedly, shutting down."
    assert "workers was killed" in last_error(log)
    assert last_error("INFO 11-23 17:27:03 [x.py:1] Loading took 3 s") == ""


def test_an_error_of_many_lines_is_told_in_one() -> None:
    pydantic = pytest.importorskip("pydantic")

    class Settings(pydantic.BaseModel):  # type: ignore[misc,name-defined]
        length: int

    with pytest.raises(pydantic.ValidationError) as caught:
        Settings(length="long")
    assert one_line(caught.value).startswith("length: Input should be a valid integer")
    assert one_line(ValueError("first\nsecond")) == "first"
    assert one_line(ValueError()) == "ValueError"
