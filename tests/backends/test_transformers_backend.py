"""The transformers backend with real models of a few hundred kilobytes.

That its texts are those of vLLM is in test_agreement.py.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import opencodeeval as oce
from opencodeeval.backends import BackendOptions, open_backend, parse_engine_args
from opencodeeval.backends.base import Backend, Request
from opencodeeval.backends.rendering import Rendered
from opencodeeval.backends.transformers_answers import Answer, Ends, chooser, draw
from opencodeeval.cli.main import main
from opencodeeval.core.errors import BackendError, UsageError
from opencodeeval.core.types import Completion, Prompt, Sampling
from opencodeeval.records.naming import name_of_identity
from tests.support.tiny_models import save_tiny_model, tiny_tokenizer

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="PyTorch is not installed"
)

CHECKPOINTS = Path(__file__).parents[1] / "checkpoints"
CONTEXT = 512
GREEDY = Sampling(max_tokens=40)
SAMPLED = Sampling(temperature=1.0, top_p=0.95, max_tokens=40)


def options(**changed: Any) -> BackendOptions:
    # float32: the same request may meet other neighbours in its batch.
    fields: dict[str, Any] = {"dtype": "float32", "max_model_len": CONTEXT, "batch_size": 8}
    return BackendOptions(**{**fields, **changed})


def unlike(count: int, samples: int = 1) -> list[Request]:
    """Requests with prompts of unlike length."""
    prompts = [Prompt(f"t{n}", text="def add(a, b):\n" * (1 + n)) for n in range(count)]
    return [Request(prompt, number) for prompt in prompts for number in range(samples)]


def completions(
    backend: Backend, asked: Sequence[Request], sampling: Sampling
) -> dict[tuple[str, int], Completion]:
    async def all_of_it() -> list[Completion]:
        return [each async for each in backend.generate(asked, sampling)]

    return {(each.task_id, each.sample_id): each for each in asyncio.run(all_of_it())}


def one(backend: Backend, prompt: Prompt, sampling: Sampling) -> Completion:
    (found,) = completions(backend, [Request(prompt, 0)], sampling).values()
    return found


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights, so that its answers are long and unlike each other."""
    return save_tiny_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def backend(model: Path) -> Iterator[Backend]:
    opened = open_backend("transformers", str(model), options())
    yield opened
    asyncio.run(opened.close())


@pytest.fixture
def copied(model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(model, tmp_path / "copied"))


# --- what it says it is ---


def identity(folder: str, **changed: Any) -> Any:
    opened = open_backend("transformers", folder, options(**changed))
    asyncio.run(opened.close())
    return opened.identity()


def test_a_folder_is_one_model_however_it_is_spelt(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(model.parent)
    (tmp_path / "link").symlink_to(model)
    spelt = [model.name, f"{model.name}/", f"./{model.name}", str(model), str(tmp_path / "link")]
    found = [identity(each) for each in spelt]
    monkeypatch.chdir(model)
    assert all(each == identity(".") for each in found)
    assert found[0]["model"] == f"{model.parent.name}/{model.name}"
    named = identity(".", name="mine")
    assert named == {**found[0], "name": "mine"}
    assert name_of_identity(named) == "mine"


def test_a_tokenizer_apart(model: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(model, bare, ignore=shutil.ignore_patterns("*token*", "*.jinja"))
    with pytest.raises(BackendError, match="or name one with --tokenizer"):
        open_backend("transformers", str(bare), options())
    said = identity(str(bare), tokenizer=str(model))["tokenizer"]
    assert said["name"] == f"{model.parent.name}/{model.name}"
    other = tmp_path / "other"
    tokenizer = tiny_tokenizer()
    tokenizer.add_tokens(["<another>"])
    tokenizer.save_pretrained(other)
    assert identity(str(bare), tokenizer=str(other))["tokenizer"]["digest"] != said["digest"]
    with pytest.raises(UsageError, match="has its own"):
        open_backend("reference", "", options(tokenizer=str(model)))


# --- what is drawn ---


@pytest.mark.parametrize("sampling", [GREEDY, SAMPLED], ids=["greedy", "sampled"])
def test_a_batch_of_unlike_prompts_gets_what_each_gets_alone(
    backend: Backend, sampling: Sampling
) -> None:
    asked = unlike(6, 1 if sampling is GREEDY else 3)
    together = completions(backend, asked, sampling)
    alone: dict[tuple[str, int], Completion] = {}
    for each in asked:
        alone |= completions(backend, [each], sampling)
    assert together == alone
    assert len({each.prompt_tokens for each in alone.values()}) == 6


def test_samples_of_one_task_and_runs_of_other_seeds_differ(backend: Backend) -> None:
    def texts(seed: int) -> set[str]:
        sampling = Sampling(temperature=1.0, max_tokens=40, seed=seed)
        return {each.text for each in completions(backend, unlike(1, 4), sampling).values()}

    assert len(texts(0)) == 4
    assert not texts(0) & texts(1)
    assert texts(1) == texts(1)


def test_tokens_are_drawn_as_often_as_they_are_likely() -> None:
    import torch

    probabilities = torch.tensor([0.1, 0.4, 0.2, 0.3])
    count = 1000
    uniforms = (torch.arange(count, dtype=torch.float64) + 0.5) / count
    rows = probabilities.log().repeat(count, 1)

    def drawn(temperature: float, top_p: float, **more: float) -> dict[int, int]:
        sampling = Sampling(temperature=temperature, top_p=top_p, **more)  # type: ignore[arg-type]
        return Counter(draw(rows, uniforms, sampling).tolist())

    assert drawn(1.0, 1.0) == {0: 100, 1: 400, 2: 200, 3: 300}
    # The smallest set of tokens that has at least that much.
    assert drawn(1.0, 0.7) == pytest.approx({1: 4000 / 7, 3: 3000 / 7}, abs=1)
    assert drawn(1.0, 0.71).keys() == {1, 2, 3}
    assert drawn(1.0, 0.01).keys() == {1}
    squares = {0: 1, 1: 16, 2: 4, 3: 9}
    assert drawn(0.5, 1.0) == pytest.approx(
        {token: each / 30 * count for token, each in squares.items()}, abs=1
    )
    assert drawn(1e-30, 1.0).keys() == {1}
    assert drawn(1.0, 1.0, top_k=2) == pytest.approx({1: 4000 / 7, 3: 3000 / 7}, abs=1)
    assert drawn(1.0, 1.0, min_p=0.51).keys() == {1, 3}
    assert drawn(1.0, 1.0, min_p=0.49).keys() == {1, 2, 3}
    # Top-p is of what the others leave: 0.4 of 0.7.
    assert drawn(1.0, 0.56, top_k=2).keys() == {1}
    assert drawn(1.0, 0.58, top_k=2).keys() == {1, 3}


def test_penalties_are_those_of_vllm() -> None:
    import torch

    utils = pytest.importorskip("vllm.model_executor.layers.utils")
    torch.manual_seed(0)
    vocabulary, prompts, steps = 8, [[1, 2, 3], [4], [5, 5, 6, 1, 2]], 12
    sampling = Sampling(repetition_penalty=1.3, presence_penalty=0.7, frequency_penalty=-0.4)
    requests = [Request(Prompt(f"t{n}", text="p"), 0) for n in range(len(prompts))]
    choose = chooser(requests, prompts, sampling)
    width = max(map(len, prompts))
    padded = [prompt + [vocabulary] * (width - len(prompt)) for prompt in prompts]
    output = torch.full((len(prompts), steps), vocabulary)
    for step in range(steps):
        scores = torch.randn(len(prompts), vocabulary)
        theirs = utils.apply_penalties(
            scores.clone(),
            torch.tensor(padded),
            output,
            *(torch.full((3,), value) for value in (0.7, -0.4, 1.3)),
        )
        chosen = choose(step, scores)
        assert chosen.tolist() == theirs.argmax(-1).tolist()
        output[:, step] = chosen


def test_of_the_model_s_generation_config_only_the_ends_count(
    backend: Backend, copied: Path
) -> None:
    def texts(config: dict[str, Any], sampling: Sampling) -> list[Completion]:
        (copied / "generation_config.json").write_text(json.dumps(config))
        other = open_backend("transformers", str(copied), options())
        found = completions(other, unlike(3), sampling)
        asyncio.run(other.close())
        return list(found.values())

    config: dict[str, Any] = {"do_sample": True, "temperature": 5.0, "top_k": 1}
    config |= {"repetition_penalty": 3.0, "no_repeat_ngram_size": 2, "max_new_tokens": 3}
    for sampling in (GREEDY, SAMPLED):
        assert texts(config, sampling) == list(completions(backend, unlike(3), sampling).values())
    # Any token ends an answer, and is not in it.
    config["eos_token_id"] = list(range(400))
    found = {
        (each.text, each.finish_reason, each.completion_tokens) for each in texts(config, GREEDY)
    }
    assert found == {("", "stop", 1)}


# --- where an answer ends ---


def test_an_answer_ends_before_a_stop_string_that_spans_tokens(backend: Backend) -> None:
    free = one(backend, Prompt("t", text="def"), SAMPLED).text
    # Longer than any token of a vocabulary of 400.
    stop = free[8:20]
    ended = one(backend, Prompt("t", text="def", stop=("nowhere", stop)), SAMPLED)
    assert (ended.text, ended.finish_reason) == (free[: free.index(stop)], "stop")
    assert ended.completion_tokens > len(tiny_tokenizer()(ended.text)["input_ids"])


def test_a_stop_string_that_is_a_special_token_ends_an_answer(backend: Backend) -> None:
    free = completions(backend, unlike(1, 40), SAMPLED)
    (request, *_) = unlike(1)
    prompt = Prompt(request.prompt.task_id, text=request.prompt.text, stop=("<|end|>",))
    asked = [Request(prompt, number) for number in range(40)]
    stopped = completions(backend, asked, SAMPLED)
    earlier = [
        each
        for where, each in stopped.items()
        if each.completion_tokens < free[where].completion_tokens
    ]
    assert earlier
    for each in earlier:
        assert each.finish_reason == "stop"
        assert free[each.task_id, each.sample_id].text.startswith(each.text)


def test_the_length_of_an_answer_is_what_is_asked_or_what_there_is_room_for(
    backend: Backend,
) -> None:
    found = one(backend, Prompt("t", text="def"), Sampling(max_tokens=5))
    assert (found.finish_reason, found.completion_tokens) == ("length", 5)
    text = tiny_tokenizer().decode([5] * (CONTEXT - 8))
    found = one(backend, Prompt("t", text=text), SAMPLED)
    assert (found.prompt_tokens, found.completion_tokens) == (CONTEXT - 7, 7)
    assert found.finish_reason == "length"


def test_a_prompt_that_leaves_no_room_gets_an_empty_answer_and_the_others_theirs(
    backend: Backend,
) -> None:
    asked = [*unlike(2), Request(Prompt("long", text="word " * CONTEXT), 0)]
    found = completions(backend, asked, GREEDY)
    assert found["long", 0].finish_reason == "prompt_too_long"
    assert found["long", 0].text == ""
    assert found["long", 0].prompt_tokens >= CONTEXT
    assert found["t1", 0].completion_tokens > 0


def spaced_tokenizer() -> Any:
    """One whose tokens begin with the space before a word, which it drops from a text's start."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    core = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>"))
    core.pre_tokenizer = pre_tokenizers.Metaspace()
    core.decoder = decoders.Sequence(
        [
            decoders.Replace("\u2581", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    bytes_of_all = [f"<0x{number:02X}>" for number in range(256)]
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<unk>", "</s>", *bytes_of_all], show_progress=False
    )
    core.train_from_iterator(["def add(a, b): return a + b"] * 10, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=core, eos_token="</s>", unk_token="<unk>")


@pytest.fixture(scope="module", params=[tiny_tokenizer, spaced_tokenizer])
def tokenizer(request: pytest.FixtureRequest) -> Any:
    return request.param()


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_tokens_become_the_text_that_the_stream_of_tokenizers_gives(
    tokenizer: Any, data: st.DataObject
) -> None:
    from tokenizers.decoders import DecodeStream

    words = st.lists(st.sampled_from(["add ", " b", "é", "\U0001f40d", "\n"]), max_size=8)
    some_text = words.map(lambda parts: tokenizer("".join(parts))["input_ids"])
    any_tokens = st.lists(st.integers(0, len(tokenizer) - 1), max_size=12)
    prompt = tokenizer("def")["input_ids"] + data.draw(some_text)
    written = data.draw(st.one_of(some_text, any_tokens))
    answer = Answer(
        Request(Prompt("t"), 0),
        Rendered("def", tuple(prompt)),
        Ends((), frozenset()),
        room=100,
    )
    stream = DecodeStream(ids=prompt, skip_special_tokens=True)
    for token in written:
        answer.add(token, tokenizer)
    expected = [stream.step(tokenizer.backend_tokenizer, token) for token in written]
    assert answer.text == "".join(each or "" for each in expected)


def test_base_prompts_are_continued_as_vllm_continues_them() -> None:
    # What vLLM 0.32 writes in float32.
    written = {
        "starter/0": "    return sum(b > a for a, b in zip(values, values[1:]))\n",
        "starter/13": 'n = int(input())\nfor i in range(1, n + 1):\n    print("[]" * i)\n',
        "starter/22": (
            '    value = os.environ.get(name, "").strip().lower()\n    return value or default\n'
        ),
    }
    benchmark = oce.load_benchmark("starter")
    tasks = [task for task in benchmark.tasks if task.task_id in written]
    asked = [Request(benchmark.prompt(task, "base"), 0) for task in tasks]
    assert all(each.prompt.text and each.prompt.stop for each in asked)
    folder = CHECKPOINTS / "starter-tiny-base" / "step-0300"
    backend = open_backend("transformers", str(folder), options())
    found = completions(backend, asked, benchmark.default_sampling())
    asyncio.run(backend.close())
    assert {task_id: each.text for (task_id, _), each in found.items()} == written
    assert [found[each, 0].completion_tokens for each in sorted(written)] == [23, 28, 26]
    assert {each.finish_reason for each in found.values()} == {"stop"}


# --- batches ---


MODELING = """
import torch
from transformers import LlamaForCausalLM

class SmallMemory(LlamaForCausalLM):
    def forward(self, input_ids=None, **rest):
        self.steps = getattr(self, "steps", 0) + 1
        if input_ids.shape[0] > MOST and self.steps > 20:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return super().forward(input_ids=input_ids, **rest)
"""


def with_small_memory(folder: Path, most: int) -> Path:
    """The model with code that stands for a device without room for more rows than `most`.

    A real device runs out of memory at a place that nobody can foresee.
    """
    (folder / "modeling_small.py").write_text(MODELING.replace("MOST", str(most)))
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {"AutoModelForCausalLM": "modeling_small.SmallMemory"}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_batches_are_halved_until_they_fit(
    backend: Backend, copied: Path, caplog: pytest.LogCaptureFixture
) -> None:
    small = str(with_small_memory(copied, 2))
    other = open_backend("transformers", small, options(trust_remote_code=True))
    asked = unlike(6, 2)
    assert completions(other, asked, SAMPLED) == completions(backend, asked, SAMPLED)
    asyncio.run(other.close())
    said = [each.getMessage() for each in caplog.records if each.name.startswith("opencodeeval")]
    assert said == [
        "opencodeeval: out of memory with 8 answers at once, going on with 4",
        "opencodeeval: out of memory with 4 answers at once, going on with 2",
    ]


def test_memory_too_small_for_one_answer_is_told_with_advice(copied: Path) -> None:
    small = str(with_small_memory(copied, 0))
    other = open_backend("transformers", small, options(trust_remote_code=True))
    with pytest.raises(BackendError, match=r"Tried to allocate 2.00 GiB\): use --dtype bfloat16"):
        completions(other, unlike(2), SAMPLED)
    asyncio.run(other.close())


def rwkv(vocabulary: int) -> Any:
    """transformers 5.19 gives it the states of other rows."""
    from transformers import RwkvConfig, RwkvForCausalLM

    sizes = {"hidden_size": 64, "attention_hidden_size": 64, "num_hidden_layers": 2}
    return RwkvForCausalLM(RwkvConfig(vocab_size=vocabulary, **sizes))


def recurrent_gemma(vocabulary: int) -> Any:
    """Its recurrent layers see the padding."""
    from transformers import RecurrentGemmaConfig, RecurrentGemmaForCausalLM

    sizes = {"hidden_size": 64, "lru_width": 64, "intermediate_size": 128, "num_hidden_layers": 3}
    config = RecurrentGemmaConfig(vocab_size=vocabulary, num_attention_heads=4, **sizes)
    return RecurrentGemmaForCausalLM(config)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (rwkv, "batches change this model's answers: one at a time"),
        (recurrent_gemma, "only prompts of the same length share a batch"),
    ],
)
def test_a_model_that_batches_harm_gets_none_that_do(
    make: Callable[[int], Any], said: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import torch

    torch.manual_seed(0)
    tokenizer = tiny_tokenizer()
    make(len(tokenizer)).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    backend = open_backend("transformers", str(tmp_path), options())
    assert said in caplog.text
    asked = unlike(3, 2)
    together = completions(backend, asked, SAMPLED)
    alone: dict[tuple[str, int], Completion] = {}
    for each in asked:
        alone |= completions(backend, [each], SAMPLED)
    assert together == alone
    asyncio.run(backend.close())


# Such answers take half a minute; one that nobody waits for ends within milliseconds.
ENDLESS = Sampling(max_tokens=4_000)
SOON_S = 8


@pytest.fixture
def endless(model: Path) -> Backend:
    """Its answers can be as long as they like."""
    arguments = {"max_position_embeddings": 8192}
    return open_backend(
        "transformers", str(model), options(engine_args=arguments, max_model_len=None)
    )


def long_and_short() -> list[Request]:
    # Any ASCII character ends the short ones.
    stop = tuple(map(chr, range(128)))
    short = [Request(Prompt(f"short{n}", text="def", stop=stop), 0) for n in range(4)]
    return [*unlike(4), *short]


def test_answers_come_while_others_are_written_and_what_is_not_wanted_ends(
    endless: Backend,
) -> None:
    async def first_of_a_batch() -> tuple[str, int]:
        turns = 0

        async def turn() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        turning = asyncio.create_task(turn())
        stream: Any = endless.generate(long_and_short(), ENDLESS)
        first = await anext(stream)
        turning.cancel()
        await asyncio.wait_for(stream.aclose(), SOON_S)
        return first.task_id, turns

    first, turns = asyncio.run(first_of_a_batch())
    assert first.startswith("short")
    # The event loop did other things meanwhile.
    assert turns > 10
    asyncio.run(endless.close())


def test_the_model_goes_on_after_a_consumer_that_stopped_early(backend: Backend) -> None:
    async def stop_early() -> Completion:
        stream: Any = backend.generate(unlike(24), GREEDY)
        first: Completion = await anext(stream)
        await stream.aclose()
        return first

    first = asyncio.run(stop_early())
    assert completions(backend, unlike(24), GREEDY)[first.task_id, first.sample_id] == first


def test_closing_ends_what_is_still_awaited(endless: Backend) -> None:
    async def close_midway() -> None:
        stream: Any = endless.generate(long_and_short(), ENDLESS)
        await anext(stream)
        await asyncio.wait_for(endless.close(), SOON_S)
        async for _ in stream:
            pass

    with pytest.raises(BackendError, match="was closed"):
        asyncio.run(close_midway())
    with pytest.raises(BackendError, match="was closed"):
        completions(endless, unlike(1), GREEDY)
    asyncio.run(endless.close())


# --- models and options ---


def test_the_identity_names_weights_versions_settings_and_hardware(
    backend: Backend, model: Path
) -> None:
    identity = json.loads(json.dumps(backend.identity()))
    hardware = identity.pop("hardware")
    assert hardware["device"]
    assert hardware["count"] >= 1
    assert set(identity.pop("versions")) == {"torch", "transformers"}
    assert len(identity.pop("weights_digest")) == 64
    assert identity.pop("device_map") in ("cpu", "cuda")
    assert identity == {
        "backend": "transformers",
        "model": f"{model.parent.name}/{model.name}",
        "revision": None,
        "model_type": "chat",
        "dtype": "float32",
        "max_model_len": CONTEXT,
        "attention": "sdpa",
        "engine_args": {},
    }


def test_engine_arguments_are_those_of_from_pretrained(model: Path) -> None:
    arguments = parse_engine_args(
        ["attn_implementation=eager", "max-position-embeddings=2048"], "transformers"
    )
    backend = open_backend(
        "transformers", str(model), options(engine_args=arguments, max_model_len=None)
    )
    identity = backend.identity()
    assert identity["attention"] == "eager"
    assert identity["max_model_len"] == 2048
    assert identity["engine_args"] == arguments
    asyncio.run(backend.close())


def config_of(folder: Path, **changed: Any) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **changed}))


def without_a_layer(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    kept = {name: each for name, each in weights.items() if "layers.1.mlp" not in name}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (
            lambda folder: config_of(folder, model_type="t5", architectures=None),
            r"is no causal language model \(t5\)",
        ),
        (
            lambda folder: config_of(folder, architectures=["LlamaForSequenceClassification"]),
            "is no causal language model",
        ),
        (lambda folder: config_of(folder, model_type="nosuch"), "cannot read the config"),
        (without_a_layer, r"lack model\.layers\.1\.mlp.*was all of it saved\?"),
        (
            lambda folder: (folder / "model.safetensors").write_bytes(b"damaged"),
            "transformers cannot load",
        ),
    ],
)
def test_a_model_that_cannot_be_used_is_refused_in_words(
    copied: Path, damage: Callable[[Path], object], complaint: str
) -> None:
    damage(copied)
    with pytest.raises(BackendError, match=complaint):
        open_backend("transformers", str(copied), options())


def test_code_that_comes_with_a_model_is_not_run_unasked(copied: Path) -> None:
    code = {"AutoConfig": "own.Own", "AutoModelForCausalLM": "own.OwnModel"}
    config_of(copied, model_type="own", auto_map=code)
    (copied / "own.py").write_text("raise SystemExit('was run')")
    with pytest.raises(BackendError, match="read it, and add --trust-remote-code"):
        open_backend("transformers", str(copied), options())


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"dtype": "float31"}, "--dtype float31: must be auto"),
        ({"device_map": "gpu1"}, "--device-map gpu1: must be a device, like cpu or cuda:0"),
        ({"tensor_parallel_size": 2}, "use --device-map auto"),
        ({"batch_size": 0}, "at least 1, got 0"),
        ({"max_model_len": 4096}, r"--max-model-len 4096 is more than the 1024 tokens"),
        ({"engine_args": {"no_such": 1}}, "no_such"),
        ({"engine_args": {"load_in_8bit": True}}, r"quantization_config=\{.load_in_8bit.: true\}"),
    ],
)
def test_options_that_cannot_be_carried_out_are_refused_in_words(
    model: Path, wrong: dict[str, Any], complaint: str
) -> None:
    with pytest.raises((UsageError, BackendError), match=complaint):
        open_backend("transformers", str(model), options(**wrong))


@pytest.mark.parametrize(
    ("missing", "device_map", "complaint"),
    [
        ("torch", None, r"PyTorch is not installed: .*opencodeeval\[transformers\]"),
        ("accelerate", "auto", r"needs the package accelerate: .*opencodeeval\[transformers\]"),
    ],
)
def test_a_missing_package_is_named_with_what_to_install(
    model: Path,
    monkeypatch: pytest.MonkeyPatch,
    missing: str,
    device_map: str | None,
    complaint: str,
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(BackendError, match=complaint):
        open_backend("transformers", str(model), options(device_map=device_map))


@pytest.mark.parametrize(
    ("given_options", "complaint"),
    [
        (["--batch-size", "4"], "use --engine-arg max_num_seqs=N"),
        (["--device-map", "auto"], "use --tensor-parallel-size"),
        (["--backend", "transformers", "--batch-size", "0"], "must be at least 1"),
    ],
)
def test_options_of_the_command_that_do_not_fit_are_refused(
    given_options: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--model", "m", "--bench", "starter", *given_options]) == 2
    assert complaint in capsys.readouterr().err
