"""Changes to sampling and prompts: the run's identity, its record, and what they refuse."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from opencodeeval.backends.capabilities import Capabilities
from opencodeeval.cli import main as cli
from opencodeeval.core.errors import BackendError, UsageError
from opencodeeval.core.types import (
    DEFAULT,
    OF_A_RUN,
    ORIGINS,
    OVERRIDES,
    SETTINGS,
    Message,
    ModelType,
    Prompt,
    Sampling,
    Task,
    digest,
)
from opencodeeval.records.reading import read_record
from opencodeeval.records.schema import Drawn, content_of
from opencodeeval.runs.asking import (
    check_template,
    prompt_of,
    protocol_of,
    sampling_fields,
    sampling_of,
)
from opencodeeval.runs.options import Effort, SamplingOptions
from opencodeeval.runs.recording import Planned, configuration, head
from opencodeeval.runs.sharing import draw_alike
from tests.runs.test_pipeline import SAMPLED, StandInBackend, StandInBenchmark, answers

# Another value than the default for every field that came after the first five.
CHANGED: dict[str, Any] = {
    "top_k": 20,
    "min_p": 0.05,
    "repetition_penalty": 1.1,
    "presence_penalty": 0.5,
    "frequency_penalty": -0.5,
    "ignore_eos": True,
    "stop": ("\n\n",),
    "system_prompt": "You write Python.",
    "chat_template_args": {"enable_thinking": False},
    "reasoning_effort": "high",
    "from_generation_config": ("top_k",),
    "prompt_prefix": "Think first.\n",
    "prompt_suffix": "\nWrite Python 3.",
    "prompt_template": "Solve this:\n{{ prompt }}",
    "preset": "qwen3",
    "from_preset": ("top_k",),
    "thinking_budget": 500,
}
ALL = replace(SAMPLED, **CHANGED)
BACKEND = StandInBackend(answers, capabilities=Capabilities(thinking_budget=True))


class Chat(StandInBenchmark):
    """Asks with a system message and a stop string of its own."""

    def prompt(self, task: Task, model_type: ModelType) -> Prompt:
        if model_type == "base":
            return super().prompt(task, model_type)
        messages = (Message("system", "the protocol's"), Message("user", task.prompt))
        return Prompt(task.task_id, messages=messages, stop=("#",))


def test_runs_that_use_none_of_it_have_the_ids_and_records_of_earlier_versions() -> None:
    """The digests were computed with version 565fab8, which had the first five fields alone."""
    configured = configuration(StandInBenchmark(), BACKEND, SAMPLED)
    assert list(configured["sampling"]) == ["n", "temperature", "top_p", "max_tokens", "seed"]
    assert digest(configured).startswith("56a713d11b535df0")
    assert digest(configuration(StandInBenchmark(), BACKEND, Sampling())).startswith("ee0a24820d2f")
    content = content_of(head(Planned(StandInBenchmark(), BACKEND, SAMPLED)))
    del content["harness"]
    assert digest(content).startswith("c7ea6f007a47533e")


@pytest.mark.parametrize("name", CHANGED)
def test_every_field_decides_the_run_and_is_in_its_record(name: str) -> None:
    sampling = replace(SAMPLED, **{name: CHANGED[name]})
    plain = configuration(Chat(), BACKEND, SAMPLED)
    assert digest(configuration(Chat(), BACKEND, sampling)) != digest(plain)
    record = head(Planned(Chat(), BACKEND, sampling))
    written = json.loads(json.dumps(content_of(record)))
    assert written["sampling"][name] == json.loads(json.dumps(CHANGED[name]))
    assert sampling_of(record) == sampling


def test_the_kinds_have_every_field_once() -> None:
    names = [each.name for each in fields(Sampling)]
    first = ["n", "temperature", "top_p", "max_tokens", "seed"]
    assert sorted([*first, *SETTINGS, *OF_A_RUN]) == sorted(names)
    assert set(OVERRIDES) < OF_A_RUN
    assert set(CHANGED) == set(names) - set(first)
    assert list(Drawn.__struct_fields__) == names
    drawn = Drawn(n=1)
    assert all(getattr(drawn, name) == getattr(DEFAULT, name) for name in CHANGED)


@pytest.mark.parametrize("name", CHANGED)
def test_samples_are_shared_between_protocols_only_if_all_of_it_is_the_same(name: str) -> None:
    other = replace(SAMPLED, **{name: CHANGED[name]})
    assert draw_alike(other, replace(other, n=99))
    # Where a value comes from changes no sample.
    assert draw_alike(SAMPLED, other) == (name in ORIGINS)


def test_changed_prompts_are_marked_in_the_protocol_s_name() -> None:
    benchmark = StandInBenchmark()
    assert protocol_of(benchmark, replace(SAMPLED, top_k=5, ignore_eos=True)) == "plain"
    one, other = (
        protocol_of(benchmark, replace(SAMPLED, system_prompt=text)) for text in ("a", "b")
    )
    assert one.startswith("plain+system-prompt-")
    assert one != other
    marked = head(Planned(Chat(), BACKEND, ALL)).protocol
    kinds = "plain+chat-template-arg+prompt-prefix+prompt-suffix+prompt-template"
    kinds += "+reasoning-effort+stop+system-prompt+thinking-budget-"
    assert marked.name.startswith(kinds)
    assert (marked.base, head(Planned(Chat(), BACKEND, SAMPLED)).protocol.base) == ("plain", "")


def test_a_system_prompt_replaces_the_protocol_s_and_stops_are_added() -> None:
    benchmark = Chat()
    prompt = prompt_of(benchmark, benchmark.tasks[0], replace(ALL, stop=("\n\n", "#")), "chat")
    question = "Think first.\nSolve this:\np0\nWrite Python 3."
    assert prompt.messages == (Message("system", "You write Python."), Message("user", question))
    assert prompt.stop == ("#", "\n\n")
    plain = prompt_of(benchmark, benchmark.tasks[0], replace(SAMPLED, top_k=5), "chat")
    assert plain == benchmark.prompt(benchmark.tasks[0], "chat")


def test_the_text_of_a_prompt_is_changed_for_base_and_chat_models() -> None:
    benchmark = Chat()
    task = replace(benchmark.tasks[0], fields={"title": "Add", "prompt": "the publisher's"})
    around = replace(SAMPLED, prompt_prefix="<", prompt_suffix=">")
    assert prompt_of(benchmark, task, around, "base").text == "<p0>"
    system, user = prompt_of(benchmark, task, around, "chat").messages
    assert (system.content, user.content) == ("the protocol's", "<p0>")
    # Read as a benchmark's own: `prompt` is the task's, and the last line break stays.
    template = replace(around, prompt_template="{{ title }}: {{ prompt }}\n")
    assert prompt_of(benchmark, task, template, "base").text == "<Add: p0\n>"
    assert prompt_of(benchmark, task, template, "chat").messages[1].content == "<Add: p0\n>"
    assert prompt_of(benchmark, task, template, "chat").stop == ("#",)


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{{ promt }}", r"for t/0 \('promt' is undefined\).*its variables are prompt"),
        ("{{ prompt", r"for t/0 \(unexpected end of template"),
        ("{% include 'base.jinja' %}", "no loader"),
        # A record of somebody else may bring a template.
        ("{{ prompt.__class__.__mro__ }}", "access to attribute '__class__'.*unsafe"),
    ],
)
def test_a_template_that_cannot_be_filled_in_is_refused(template: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        check_template(StandInBenchmark(), replace(SAMPLED, prompt_template=template))
    check_template(StandInBenchmark(), replace(SAMPLED, prompt_template="{{ prompt }}"))


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("system_prompt", "--system-prompt"),
        ("chat_template_args", "--chat-template-arg"),
        ("reasoning_effort", "--reasoning-effort"),
        ("thinking_budget", "--thinking-budget"),
    ],
)
def test_a_base_model_is_not_asked_as_a_chat_model(name: str, option: str) -> None:
    sampling = replace(SAMPLED, **{name: CHANGED[name]})
    base = StandInBackend(answers, model_type="base")
    with pytest.raises(UsageError, match=f"{option} is for chat models.*--model-type chat"):
        configuration(Chat(), base, sampling)
    assert prompt_of(Chat(), Chat().tasks[0], replace(SAMPLED, stop=("x",)), "base").stop == ("x",)


def test_a_backend_that_cannot_cut_reasoning_is_given_no_budget() -> None:
    with pytest.raises(BackendError, match="does not take --thinking-budget: leave it out, or"):
        configuration(Chat(), StandInBackend(answers), replace(SAMPLED, thinking_budget=5))


def test_samples_from_a_file_have_no_other_prompts() -> None:
    class Samples(StandInBackend):
        def identity(self) -> dict[str, Any]:
            return {"backend": "samples", "model": "m"}

    assert sampling_fields(Samples(answers), replace(SAMPLED, top_k=5)) == {"n": 3}
    with pytest.raises(UsageError, match="prompts of existing samples cannot be changed"):
        sampling_fields(Samples(answers), ALL)


EFFORTS: tuple[Effort, ...] = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


def test_values_from_python_are_checked() -> None:
    assert SamplingOptions(stop="END").applied(DEFAULT).stop == ("END",)
    with pytest.raises(UsageError, match=r"must be JSON values.*date is not JSON"):
        SamplingOptions(chat_template_args={"day": date(2024, 7, 26)}).applied(DEFAULT)
    with pytest.raises(UsageError, match="a stop string is empty"):
        SamplingOptions(stop=[""]).applied(DEFAULT)
    for effort in EFFORTS:  # all that OpenAI's interface has
        assert SamplingOptions(reasoning_effort=effort).applied(DEFAULT).reasoning_effort == effort
    with pytest.raises(UsageError, match=r"reasoning effort must be none, .*, max, got 'x'"):
        SamplingOptions(reasoning_effort="x").applied(DEFAULT)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"generation_config\.json has not been read"):
        SamplingOptions(generation_config="model").applied(DEFAULT)


def own_task(folder: Path, solution: str) -> tuple[Path, list[str], list[str]]:
    """A file with one task, the command that runs its solution, and options of all commands."""
    tasks = folder / "tasks.jsonl"
    row: dict[str, Any] = {
        "task_id": "own/1",
        "style": "function",
        "prompt": "def f(x):\n",
        "entry_point": "f",
    }
    row |= {"canonical_solution": solution, "inputs": [[1]], "expected": [2]}
    tasks.write_text(json.dumps(row))
    run = ["--backend", "reference", "--bench", f"file:{tasks}", "--output", str(folder / "out")]
    return tasks, run, ["--sandbox", "local", "--quiet", "--json"]


def test_a_run_with_changes_is_regraded_as_the_same_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tasks, run, common = own_task(tmp_path, "    return x + 1\n")
    changes = ("--top-k", "5", "--stop", r"\n\n", "--prompt-prefix", r"# Python\n")
    assert cli.main([*run, *common, *changes]) == 0
    (summary,) = json.loads(capsys.readouterr().out)["benchmarks"]
    before = read_record(Path(summary["record"]))
    assert before.record.sampling.stop == ("\n\n",)
    prompts = json.loads((Path(summary["run_folder"]) / "prompts.jsonl").read_text())
    assert prompts["stop"][-1] == "\n\n"
    assert prompts["text"].startswith("# Python\n")
    regrade = ("regrade", summary["run_folder"], "--bench", f"file:{tasks}")
    assert cli.main([*regrade, *common]) == 0
    assert json.loads(capsys.readouterr().out)["runs"][0]["changed"] == []
    assert cli.main([*regrade, *common, "--again"]) == 0
    after = read_record(Path(summary["run_folder"]))
    assert after.record.run_id == before.record.run_id
    assert after.record.protocol == before.record.protocol
    assert after.record.sampling == before.record.sampling


def test_a_time_limit_decides_the_verdicts_and_makes_a_protocol_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tasks, run, common = own_task(
        tmp_path, "    import time\n    time.sleep(3)\n    return x + 1\n"
    )
    assert cli.main([*run, *common, "--time-limit", "0.5"]) == 0
    (summary,) = json.loads(capsys.readouterr().out)["benchmarks"]
    short = read_record(Path(summary["record"])).record
    assert short.verdicts["base"] == {"timeout": 1}
    assert short.protocol.name.startswith("opencodeeval-starter+time-limit-")
    assert (short.protocol.base, short.protocol.time_limit) == ("opencodeeval-starter", 0.5)
    assert short.benchmark.description.limits["function"]["total_s"] == 0.5
    regrade = ["regrade", summary["run_folder"], "--bench", f"file:{tasks}", *common]
    assert cli.main(regrade) == 0
    assert json.loads(capsys.readouterr().out)["runs"][0]["changed"] == []
    # The same samples under another limit are another run, which the first one outlives.
    assert cli.main([*regrade, "--time-limit", "60"]) == 0
    (done,) = json.loads(capsys.readouterr().out)["runs"]
    assert done["changed"] == ["protocol", "tests"]
    long = read_record(Path(done["record"])).record
    assert long.verdicts["base"] == {"passed": 1}
    assert long.protocol.name not in (short.protocol.name, "opencodeeval-starter")
    assert Path(summary["record"]).exists()
