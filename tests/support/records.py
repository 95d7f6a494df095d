"""Records for tests: written by the harness's own code from a table of counts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from opencodeeval.core.types import digest
from opencodeeval.records.naming import name_from_text, slug
from opencodeeval.records.reading import StoredRecord
from opencodeeval.records.schema import SCHEMA, Record, content_digest
from opencodeeval.stats.pass_at_k import Count, estimate_pass_at_k

Counts = Mapping[str, tuple[int, int]]


def record(
    counts: Counts,
    model: str = "some/model",
    benchmark: str = "humaneval",
    ks: Sequence[int] = (1,),
    changes: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """A whole record of task -> (n, c) under one suite; `changes` go into its parts."""
    n = max(n for n, _ in counts.values())
    rows = [Count(*each) for each in counts.values()]
    content: dict[str, Any] = {
        "schema": SCHEMA,
        "model": {
            "name": name_from_text(model),
            "origin": "engine",
            "identity": {"backend": "vllm", "model": model, "weights_digest": digest(model)},
        },
        "model_type": "chat",
        "benchmark": {
            "name": benchmark,
            "data_version": "v1",
            "data_digest": digest([benchmark, "v1"]),
            "suites": ["base"],
            "headline": "base",
            "tasks": len(counts),
            "integrity": {"forge-proof": len(counts)},
            "description": {"title": benchmark, "limits": {"total_s": 20.0}},
        },
        "protocol": {"name": "plain", "version": "1", "prompt_digest": digest("plain chat")},
        "sampling": {
            "n": n,
            "temperature": 0.0 if n == 1 else 0.8,
            "top_p": 1.0,
            "max_tokens": 512,
            "seed": 0,
        },
        "hardware": {"cpu": "a processor", "gpus": []},
        "sandbox": {"jail": "local", "slots": 2},
        "harness": {"version": "0.1.0", "commit": None},
        "totals": {"samples": sum(n for n, _ in counts.values())},
        "pass@k": {"base": {f"pass@{k}": estimate_pass_at_k(rows, k)._asdict() for k in ks}},
        "verdicts": {"base": _verdicts(sum(n for n, _ in rows), sum(c for _, c in rows))},
        "tasks": {
            task: {"n": n, "c": {"base": c}, "verdicts": {"base": _verdicts(n, c)}}
            for task, (n, c) in counts.items()
        },
        "timing": {"finished": "2026-01-01T00:00:00+00:00", "wall_s": 1.0},
    }
    for part, change in (changes or {}).items():
        content[part] = {**content.get(part, {}), **change}
    content["run_id"] = digest([content["model"], content["benchmark"], content["sampling"]])[:12]
    return sealed(content)


def stored(content: Mapping[str, Any], path: str = "x.json") -> StoredRecord:
    """A record as if it had been read."""
    return StoredRecord(Path(path), msgspec.convert(content, Record))


def sealed(content: dict[str, Any]) -> dict[str, Any]:
    """The record with the digest of what is in it now."""
    content["digest"] = content_digest(content)
    return content


def write(output: Path, content: Mapping[str, Any]) -> Path:
    """Write a record where a run would have left it."""
    names = (content["model"]["name"], content["protocol"]["name"])
    name = "--".join([*map(slug, names), f"{content['run_id']}.json"])
    path = output / slug(content["benchmark"]["name"]) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="ascii")
    return path


def greedy(bits: str) -> dict[str, tuple[int, int]]:
    """`"110"` as the counts of three tasks with one sample each."""
    return {f"t/{i}": (1, int(bit)) for i, bit in enumerate(bits)}


def _verdicts(n: int, c: int) -> dict[str, int]:
    return {name: count for name, count in (("passed", c), ("wrong", n - c)) if count}
