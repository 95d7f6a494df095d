"""The backend for servers: too long answers, refused fields, reasoning sent apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from opencodeeval.backends.openai_fields import Fields
from opencodeeval.cli.main import main
from opencodeeval.core.errors import BackendError
from opencodeeval.core.types import Message, Sampling
from tests.support.embedded import unpacked
from tests.support.openai_asking import CHAT, command, draw
from tests.support.openai_server import PROMPT_TOKENS, Server


def test_an_answer_is_shortened_to_what_fits(server: Server) -> None:
    server.owned_by("vllm", max_model_len=64)
    server.context = 64
    (found,), said = draw(server, 1, sampling=Sampling(max_tokens=1024))
    assert (found.finish_reason, said) == ("stop", "")
    assert [each["max_tokens"] for each in server.bodies] == [1024, 1, 64 - PROMPT_TOKENS]


def test_the_longest_answer_has_another_name_on_newer_services(server: Server) -> None:
    server.newer = True
    found, said = draw(server, 20, tries=1, sampling=Sampling(max_tokens=99))
    assert (len(found), said) == (20, "")
    assert "max_tokens" not in server.bodies[-1]
    assert server.bodies[-1]["max_completion_tokens"] == 99


def test_fields_that_a_model_does_not_take_are_left_out_where_that_changes_nothing(
    server: Server, tmp_path: Path
) -> None:
    """OpenAI's models that reason take neither stop strings nor any of these."""
    server.newer = True
    server.only = dict.fromkeys(("stop", "temperature", "top_p", "seed"))
    sampling = Sampling(temperature=1.0)
    found, said = draw(server, 20, tries=1, sampling=sampling, stop=("two",))
    assert (len(found), said) == (20, "")
    assert {each.text for each in found} == {"one "}
    assert not server.bodies[-1].keys() & {"max_tokens", *server.only}
    command_line = ("--temperature", "1", "--stop", "two")
    assert command(server, tmp_path, *command_line) == 0
    (path,) = tmp_path.glob("starter/*.json")
    assert "stop-strings" in json.loads(path.read_text())["lacks"]


@pytest.mark.parametrize(
    ("only", "sampling", "advice"),
    [
        ({"temperature": 1.0}, {"temperature": 0.0}, "change --temperature"),
        ({"top_p": None}, {"temperature": 1.0, "top_p": 0.9}, "leave out --top-p"),
        ({"presence_penalty": None}, {"presence_penalty": 0.5}, "leave out --presence-penalty"),
        ({"reasoning_effort": None}, {"reasoning_effort": "low"}, "or leave out --reasoning-effo"),
        ({"max_tokens": 5}, {"max_tokens": 6}, "lower --max-tokens"),
        ({"added": 1}, {}, "change the request"),
    ],
)
def test_a_refusal_about_a_field_names_the_option(
    server: Server, only: dict[str, Any], sampling: dict[str, Any], advice: str
) -> None:
    server.only = only
    with pytest.raises(BackendError, match=f"not supported with this model.*{advice}"):
        draw(server, 1, sampling=Sampling(**sampling), **CHAT)
    assert len(server.bodies) == 1


def test_a_field_that_is_refused_without_being_there_is_not_left_out_afterwards() -> None:
    error = {"message": "no", "param": "stop", "code": "unsupported_parameter"}
    refused, fields = json.dumps({"error": error}).encode(), Fields()
    assert not fields.learn(400, refused, {"temperature": 0.0})
    body = {"stop": ["a"], "max_tokens": 9}
    assert fields.of(body, 9) == body
    assert fields.learn(400, refused, body)
    assert fields.of(body, 9) == {"max_tokens": 9}


def test_a_prompt_that_does_not_fit_has_no_answer(server: Server) -> None:
    server.owned_by("vllm", max_model_len=PROMPT_TOKENS)
    server.context = PROMPT_TOKENS
    (found,), said = draw(server, 1)
    assert (found.text, found.finish_reason, said) == ("", "prompt_too_long", "")


def test_the_beginning_of_an_answer_is_continued_where_the_server_can(server: Server) -> None:
    begun: dict[str, Any] = {
        "messages": (Message("user", "hello"),),
        "response_prefix": "Here it is:",
    }
    with pytest.raises(BackendError, match="begins the model's answer"):
        draw(server, 1, text="", **begun)
    server.owned_by("vllm")
    draw(server, 1, text="", **begun)
    (body,) = server.bodies
    assert body["messages"][-1] == {"role": "assistant", "content": "Here it is:"}
    assert (body["add_generation_prompt"], body["continue_final_message"]) == (False, True)


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
def test_reasoning_that_a_server_sends_apart_is_kept(server: Server, name: str) -> None:
    usage = {"completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 7}}
    message = {"content": "three", name: "one two"}
    server.choices = [{"message": message, "finish_reason": "stop", "usage": usage}]
    (found,), _ = draw(server, 1)
    assert (found.text, found.reasoning) == ("three", "one two")
    assert (found.completion_tokens, found.thinking_tokens) == (9, 7)
    server.choices = [{"message": {"content": None, name: "one two"}, "finish_reason": "length"}]
    (found,), _ = draw(server, 1)
    assert (found.text, found.reasoning, found.thinking_tokens) == ("", "one two", 0)


THOUGHT = {"type": "thinking", "thinking": [{"type": "text", "text": "one "}, {"text": "two"}]}


@pytest.mark.parametrize(
    ("message", "text", "reasoning"),
    [
        ({"content": [THOUGHT, {"type": "text", "text": "three"}]}, "three", "one two"),
        ({"content": [{"type": "thinking", "thinking": "one two"}]}, "", "one two"),
        ({"content": [{"type": "text", "text": x} for x in ("th", "ree")]}, "three", ""),
        (
            {
                "content": "three",
                "reasoning_details": [{"type": "reasoning.text", "text": "one two"}],
            },
            "three",
            "one two",
        ),
    ],
    ids=["mistral", "mistral, cut off", "parts", "minimax"],
)
def test_reasoning_and_answer_in_parts(
    server: Server, message: dict[str, Any], text: str, reasoning: str
) -> None:
    server.choices = [{"message": message, "finish_reason": "stop"}]
    (found,), _ = draw(server, 1)
    assert (found.text, found.reasoning) == (text, reasoning)


def test_a_run_with_reasoning_ends_in_a_summary_and_a_page_that_count_it(
    server: Server, tmp_path: Path, repo_root: Path, capfd: Any
) -> None:
    (row, *_) = (repo_root / "benchmarks" / "starter" / "tasks.jsonl").read_text().splitlines()
    task = json.loads(row)
    right = f"```python\n{task['prompt']}{task['canonical_solution']}\n```"
    usage = {"completion_tokens": 100, "completion_tokens_details": {"reasoning_tokens": 80}}
    server.choices = [
        {"message": {"content": right, "reasoning_content": "Hm."}, "usage": usage},
        {"message": {"content": f"<think>\n{right}\n</think>\n{right}"}},
        {"message": {"content": None, "reasoning": right}, "finish_reason": "length"},
        {"message": {"content": f"<think>\n{right}"}, "finish_reason": "length"},
        {"message": {"content": f"<think>\n{right}"}, "finish_reason": "stop"},
        {"message": {"content": right}, "finish_reason": "stop"},
    ]
    asked = ("--limit", "1", "--n", "6", "--temperature", "1", "--max-concurrency", "1")
    assert command(server, tmp_path / "out", *asked, "--max-tokens", "100", "--quiet") == 0
    said = " ".join(capfd.readouterr().out.split())  # lines fold at 80 columns
    for line in (
        "3 no_code, 3 passed",
        "answers: 33.3 % cut off at 100 tokens, 50.0 % without code",
        "reasoning: in 5 answers, 80 tokens on average; 3 ended inside it (2 of them cut off)",
        "33.3 % of the answers were cut off at 100 tokens: raise --max-tokens",
        "16.7 % of the answers ended inside their reasoning without being cut off",
    ):
        assert line in said
    (record,) = (tmp_path / "out").glob("*/*--*.json")
    assert json.loads(record.read_text())["reasoning"] == {
        "answers": 5,
        "unfinished": 3,
        "cut_off": 2,
        "tokens": 80,
        "counted": 1,
    }
    (verdicts,) = (tmp_path / "out" / "runs").glob("*/verdicts.jsonl")
    rows = [json.loads(line) for line in verdicts.read_text().splitlines()]
    details = {each["sample_id"]: each["suites"]["base"]["detail"] for each in rows}
    assert [details[place] for place in (2, 3, 4)] == [
        "the answer was cut off inside its reasoning",
        "the answer was cut off inside its reasoning",
        "the answer ended inside its reasoning",
    ]
    completions = (verdicts.parent / "completions.jsonl").read_text().splitlines()
    stored = [json.loads(line) for line in completions]
    assert stored[1]["text"].startswith("<think>")
    assert [each.get("reasoning") for each in stored] == ["Hm.", None, right, None, None, None]
    # The same command draws nothing and extracts nothing anew.
    sent, programs = len(server.bodies), (verdicts.parent / "programs.jsonl").read_bytes()
    assert command(server, tmp_path / "out", *asked, "--max-tokens", "100", "--quiet") == 0
    assert len(server.bodies) == sent
    assert (verdicts.parent / "programs.jsonl").read_bytes() == programs
    assert main(["report", str(record)]) == 0
    page = (verdicts.parent / "report.html").read_text("utf-8")
    assert "answers: 33.3 % cut off at 100 tokens, 50.0 % without code" in page
    texts = json.dumps(unpacked(page), separators=(",", ":"))
    assert '"tokens":100,"thinking":80,"reasoning":"Hm."' in texts
    assert "the answer was cut off inside its reasoning" in texts
