"""Every benchmark extracts from the answer that follows the reasoning, and from nothing else."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from opencodeeval.benchmarks.card_benchmark import CardBenchmark
from opencodeeval.benchmarks.cards import families, read_card
from opencodeeval.benchmarks.registry import load_benchmark
from opencodeeval.core.errors import DataError, UsageError
from opencodeeval.core.reasoning import Parts, separate
from opencodeeval.core.types import Completion, Program

PROTOCOLS = [
    (name, protocol.name)
    for name in families()
    if name != "livecodebench_repair"  # its tasks are those of a run
    for protocol in read_card(name).protocols
]


@pytest.fixture
def starter() -> CardBenchmark:
    return load_benchmark("starter")


def loaded(name: str, protocol: str, data: Path) -> CardBenchmark:
    try:
        return load_benchmark(name, protocol, data, limit=1)
    except (DataError, UsageError) as error:
        pytest.skip(f"no data of {name} here: {error}")


@pytest.mark.shared
@pytest.mark.parametrize(("name", "protocol"), PROTOCOLS)
def test_every_protocol_extracts_from_the_answer_alone(
    name: str, protocol: str, shared_data: Path
) -> None:
    benchmark = loaded(name, protocol, shared_data)
    task = benchmark.tasks[0]
    draft = "```python\ndef draft(x):\n    a = 1\n    b = 2\n    c = 3\n    return a\n```"
    answer = Completion(task.task_id, 0, f"```python\n{task.reference}\n```\n")

    def program(text: str, **fields: Any) -> Program:
        found = benchmark.program(task, replace(answer, text=text, **fields), "chat")
        # The line feed behind the reasoning stays where answers continue the prompt.
        return replace(found, code=found.code.rstrip())

    bare = program(answer.text)
    for text, fields in (
        (f"<think>\n{draft}\n</think>\n{answer.text}", {}),
        (f"{draft}\n</think>\n{answer.text}", {"prompt": "assistant:\n<think>\n"}),
        (answer.text, {"reasoning": draft}),
    ):
        found = f"{bare.found}_after_reasoning" if bare.code else bare.found
        assert program(text, **fields) == replace(bare, found=found)
    unfinished = Program(task.task_id, 0, "", "the answer ended inside its reasoning")
    assert program(f"<think>\n{draft}") == unfinished
    assert program(answer.text, prompt="assistant:\n<think>\n") == unfinished
    assert program("", reasoning=draft) == unfinished
    cut_off = replace(unfinished, found="the answer was cut off inside its reasoning")
    assert program(f"<think>\n{draft}", finish_reason="length") == cut_off


def test_only_chat_answers_are_searched_for_reasoning(starter: CardBenchmark) -> None:
    task = starter.tasks[0]
    text = f"<think>\n</think>\n{task.reference}"
    answer = Completion(task.task_id, 0, text)
    assert "<think>" not in starter.program(task, answer, "chat").code
    assert "<think>" in starter.program(task, answer, "base").code
    for form in ("completion", "program"):
        whole = replace(answer, form=form)
        assert "<think>" in starter.program(task, whole, "chat").code


def test_a_benchmark_that_extends_another_s_extraction_removes_reasoning_once(
    starter: CardBenchmark,
) -> None:
    seen = []

    class Shipped(type(starter)):  # type: ignore[misc]
        def program(self, task: Any, completion: Completion, model_type: Any) -> Program:
            seen.append(completion.text)
            return super().program(task, completion, model_type)  # type: ignore[no-any-return]

    extending = Shipped(
        *(getattr(starter, name) for name in ("name", "card", "protocol_card", "data_version")),
        *(getattr(starter, name) for name in ("data_digest", "provenance", "tasks", "known_ids")),
    )
    task = starter.tasks[0]
    text = f"```python\n{task.reference}\n```\nMind the </think> tag."
    program = extending.program(
        task, Completion(task.task_id, 0, f"<think>Hm.</think>{text}"), "chat"
    )
    assert seen == [text]
    assert program.found == "fence_after_reasoning"


def texts_in(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for each in value.values():
                yield from texts_in(each)
        case list():
            for each in value:
                yield from texts_in(each)


@pytest.mark.shared
def test_published_samples_have_no_reasoning_so_their_programs_are_as_before(
    shared_data: Path,
) -> None:
    """All text of the published samples and verdicts; answers, programs, details of failures."""
    count = 0
    for path in sorted((shared_data / "verdicts").rglob("*.gz")):
        content = gzip.decompress(path.read_bytes()).decode("utf-8")
        lines = content.splitlines() if path.name.endswith(".jsonl.gz") else [content]
        for line in lines:
            for text in texts_in(json.loads(line)):
                if "\n" in text:
                    assert separate(text) == Parts(text)
                    count += 1
    assert count > 10_000
