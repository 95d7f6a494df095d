"""Presets of models: which model gets which, what they set, and whose values win."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from opencodeeval.backends import BackendOptions
from opencodeeval.cli import main as cli
from opencodeeval.core.errors import DataError, UsageError
from opencodeeval.core.paths import presets_dir
from opencodeeval.core.types import Sampling
from opencodeeval.records.reading import read_record
from opencodeeval.runs.options import SamplingOptions
from opencodeeval.runs.presets import Preset, find_preset, preset_of, presets, with_preset
from tests.runs.test_asking import own_task
from tests.runs.test_pipeline import StandInBackend, answers

OWN = Sampling(n=10, temperature=0.2, top_p=0.95, max_tokens=2000)


@pytest.mark.parametrize("preset", presets().values(), ids=list(presets()))
def test_every_shipped_preset_can_be_sampled_with_and_names_its_sources(preset: Preset) -> None:
    SamplingOptions(preset=preset).applied(OWN)
    assert preset.sources
    assert all(each.startswith("https://") for each in preset.sources)
    assert all(each == each.lower() and "/" not in each for each in preset.models)
    assert all(quirk.endswith(".") for quirk in preset.quirks)
    assert preset.prompt == "chat" or not preset.values()


def test_names_and_patterns_are_given_once() -> None:
    lines = [
        line
        for path in presets_dir().glob("*.toml")
        for line in path.read_text("utf-8").splitlines()
    ]
    assert sum(line.startswith("name = ") for line in lines) == len(presets())
    patterns = [each for preset in presets().values() for each in preset.models]
    assert len(set(patterns)) == len(patterns)


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("infly/OpenCoder-8B-Base", "opencoder-8b-base"),
        ("infly/OpenCoder-1.5B-Instruct", "opencoder-1.5b-instruct"),
        ("Qwen/Qwen2.5-Coder-7B", "qwen2.5-coder-base"),
        ("Qwen/Qwen2.5-Coder-7B-Instruct", "qwen2.5-coder-7b-instruct"),
        ("Qwen/Qwen2.5-Coder-32B-Instruct", "qwen2.5-coder-instruct"),
        ("Qwen/Qwen3-8B", "qwen3"),
        ("Qwen/Qwen3-235B-A22B", "qwen3"),
        ("Qwen/Qwen3-30B-A3B-Instruct-2507", "qwen3-instruct-2507"),
        ("Qwen/Qwen3-Coder-480B-A35B-Instruct-FP8", "qwen3-coder-instruct"),
        ("/models/Qwen3-8B/", "qwen3"),
        ("deepseek-ai/deepseek-coder-6.7b-base", "deepseek-coder-base"),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", "deepseek-r1"),
        ("bigcode/starcoder2-15b", "starcoder2"),
        ("meta-llama/Meta-Llama-3-8B-Instruct", "llama-3-instruct"),
        ("meta-llama/Llama-3.1-8B-Instruct", "llama-3.1-instruct"),
        ("codellama/CodeLlama-7b-Python-hf", "codellama"),
        ("codellama/CodeLlama-7b-Instruct-hf", "codellama-instruct"),
        ("openai/gpt-oss-20b", "gpt-oss"),
        ("google/gemma-3-27b-it", "gemma-3-it"),
        ("microsoft/Phi-4-reasoning-plus", "phi-4-reasoning"),
        ("Qwen/Qwen3-235B-A22B-Thinking-2507-FP8", "qwen3-thinking-2507"),
        ("Qwen/Qwen3-Coder-Next", "qwen3-coder-next"),
        ("Qwen/Qwen3.6-27B", "qwen3.5"),
        ("Qwen/Qwen3.8-27B", "qwen3.8"),
        ("Qwen/QwQ-32B", "qwq-32b"),
        ("deepseek-ai/DeepSeek-Coder-V2-Lite-Base", "deepseek-coder-v2-base"),
        ("deepseek-ai/DeepSeek-Coder-V2-Instruct", "deepseek-coder-v2-instruct"),
        ("deepseek-ai/DeepSeek-V3.2", "deepseek-v3.2"),
        ("deepseek-ai/DeepSeek-V4-Flash", "deepseek-v4"),
        ("google/gemma-4-31B-it", "gemma-4-it"),
        ("meta-llama/Llama-3.3-70B-Instruct", "llama-3.3-instruct"),
        ("zai-org/GLM-4.5-Air", "glm-4.5"),
        ("zai-org/GLM-4.6", "glm-4.6"),
        ("zai-org/GLM-4.7", "glm-4.7"),
        ("moonshotai/Kimi-K2-Instruct-0905", "kimi-k2-instruct"),
        ("moonshotai/Kimi-K2-Thinking", "kimi-k2-thinking"),
        ("MiniMaxAI/MiniMax-M2", "minimax-m2"),
        ("ByteDance-Seed/Seed-Coder-8B-Instruct", "seed-coder-instruct"),
        ("ByteDance-Seed/Seed-OSS-36B-Instruct", "seed-oss-instruct"),
        ("HuggingFaceTB/SmolLM3-3B", "smollm3"),
    ],
)
def test_a_model_s_name_chooses_its_preset(model: str, name: str) -> None:
    assert preset_of(model).name == name


@pytest.mark.parametrize("model", ["Qwen/Qwen3-8B-Base", "me/my-qwen3-8b", "ckpts/step-100"])
def test_models_that_are_not_the_publisher_s_have_none(model: str) -> None:
    with pytest.raises(UsageError, match=f"no preset serves {model}: leave out --preset"):
        preset_of(model)


def test_a_preset_s_values_stand_where_the_user_has_none_and_it_is_said() -> None:
    said: list[str] = []
    asked = SamplingOptions(top_p=0.5, preset="auto")
    found, options = with_preset(asked, "Qwen/Qwen3-8B", BackendOptions(), said.append)
    values = "chat prompts, temperature 0.6, top-k 20, max-tokens 32768"
    assert said == [f"preset qwen3: {values}"]
    assert options == BackendOptions(model_type="chat")
    names = ("max_tokens", "temperature", "top_k")
    drawn = Sampling(10, 0.6, 0.5, 32768, 0, 20, preset="qwen3", from_preset=names)
    assert found.applied(OWN) == drawn
    # What was read already is not read or said again, and the user's model type stays.
    base = BackendOptions(model_type="base")
    assert with_preset(found, "Qwen/Qwen3-8B", base, pytest.fail) == (found, base)


def test_without_a_preset_nothing_changes() -> None:
    asked, options = SamplingOptions(), BackendOptions()
    assert with_preset(asked, "Qwen/Qwen3-8B", options, pytest.fail) == (asked, options)
    assert asked.applied(OWN) == OWN


def test_a_preset_that_decodes_greedily_draws_one_sample() -> None:
    found = SamplingOptions(preset=find_preset("opencoder-8b-instruct")).applied(OWN)
    assert (found.n, found.temperature) == (1, 0.0)


def test_the_user_s_chat_template_arguments_are_added_to_the_preset_s() -> None:
    preset = find_preset("qwen3-no-thinking")
    assert SamplingOptions(preset=preset).applied(OWN).chat_template_args == {
        "enable_thinking": False
    }
    more = SamplingOptions(preset=preset, chat_template_args={"day": "1"}).applied(OWN)
    assert more.chat_template_args == {"enable_thinking": False, "day": "1"}
    other = SamplingOptions(preset=preset, chat_template_args={"enable_thinking": True})
    assert other.applied(OWN).chat_template_args == {"enable_thinking": True}


def test_a_backend_that_is_open_keeps_its_type() -> None:
    asked = SamplingOptions(preset="starcoder2")
    base = StandInBackend(answers, model_type="base")
    found, _ = with_preset(asked, base, BackendOptions(), lambda _: None)
    assert found.applied(OWN).preset == "starcoder2"
    with pytest.raises(UsageError, match="starcoder2 is for base models, and the backend is open"):
        with_preset(asked, StandInBackend(answers), BackendOptions(), lambda _: None)


def test_what_cannot_be_used_is_refused() -> None:
    with pytest.raises(UsageError, match=r"no preset 'qwen-3'; did you mean qwen3\? Available: co"):
        find_preset("qwen-3")
    with pytest.raises(UsageError, match="'qwen3' has not been read: call `evaluate`"):
        SamplingOptions(preset="qwen3").applied(OWN)
    both = SamplingOptions(preset=find_preset("qwen3"), generation_config={"top_k": 5})
    with pytest.raises(UsageError, match="leave out one of --preset and --generation-config"):
        both.applied(OWN)


MINE = """
[[preset]]
name = "mine"
models = ["mine-*"]
prompt = "base"
sources = ["https://example.org/mine"]
[preset.sampling]
top_k = 7
"""


def test_a_user_s_own_preset_is_in_the_record(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.toml").write_text(MINE)
    _, run, common = own_task(tmp_path, "    return x + 1\n")
    assert cli.main([*run, *common, "--preset", str(tmp_path / "mine.toml")]) == 0
    (summary,) = json.loads(capsys.readouterr().out)["benchmarks"]
    record = read_record(Path(summary["record"])).record
    assert (record.sampling.preset, record.sampling.top_k) == ("mine", 7)
    assert record.sampling.from_preset == ("top_k",)
    # Sampling is no change of the prompt: the protocol stays the publisher's.
    assert record.protocol.base == ""
    assert cli.main([*run, *common, "--preset", "none"]) == 0
    (plain,) = json.loads(capsys.readouterr().out)["benchmarks"]
    assert plain["run_folder"] != summary["run_folder"]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (MINE.replace("top_k", "topk"), r"preset\[0\]\.sampling: there is no field topk"),
        (MINE.replace('"base"', '"chatty"'), "'chatty' is none of the values"),
        (MINE.replace("top_k = 7", 'top_k = "7"'), "top_k: must be a whole number.*, not text"),
        (MINE + MINE, "has 2 presets: keep one"),
        ("[[preset", "is not TOML"),
        ("", "the field preset is missing"),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, content: str, complaint: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(content)
    with pytest.raises(DataError, match=complaint):
        find_preset(str(path))


def test_presets_are_listed_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["presets"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if line[0] != " "] == list(presets())
    assert cli.main(["presets", "Qwen/Qwen3-Coder-30B-A3B-Instruct"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("qwen3-coder-instruct\n")
    assert "<|fim_prefix|> <|fim_suffix|> <|fim_middle|>" in shown
    assert "https://huggingface.co/Qwen/Qwen3-Coder-30B-A3B-Instruct" in shown
    assert cli.main(["presets", "qwen3", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["presets"]
    assert found["sets"] == {"temperature": 0.6, "top_p": 0.95, "top_k": 20, "max_tokens": 32768}
    assert found["thinking"] == {"argument": "enable_thinking", "default": True}
    assert cli.main(["presets", "absent.toml"]) == 2
    assert "absent.toml cannot be read" in capsys.readouterr().err
