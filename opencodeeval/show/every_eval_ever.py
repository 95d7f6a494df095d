"""Records in the schema of Every Eval Ever, a shared format of evaluation results.

The schema is version 0.3.0 of `eval.schema.json` in the package every-eval-ever. A record is
one file: the scores with their intervals, and how they were measured. Samples are left out.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from opencodeeval.core.own_files import mark_of
from opencodeeval.core.types import SETTINGS
from opencodeeval.records.answered import cautions
from opencodeeval.records.reading import StoredRecord
from opencodeeval.show.eval_results import ON_THE_HUB
from opencodeeval.show.evaluator import Evaluator
from opencodeeval.show.ranking import decoding, shown_name
from opencodeeval.stats.metrics import Family, Metric, parse_metric
from opencodeeval.stats.pass_at_k import Estimate

SCHEMA = "0.3.0"
_DEPLOYMENTS = {"engine": "self_deployed", "server": "externally_managed"}


def file_name(record: StoredRecord) -> str:
    """Where the collection has a record's file: `data/BENCHMARK/DEVELOPER/MODEL/ID.json`."""
    owner, _, name = shown_name(record.model).rpartition("/")
    # The same record has the same file; the collection wants the form of a random UUID.
    identity = uuid.UUID(bytes=bytes.fromhex(record.record.digest[:32]), version=4)
    return f"data/{record.benchmark}/{owner or 'unknown'}/{name}/{identity}.json"


def as_every_eval_ever(record: StoredRecord, evaluator: Evaluator) -> str:
    """The JSON of a record."""
    content = record.record
    finished = datetime.fromisoformat(content.timing.finished)
    if finished.tzinfo is None:
        finished = finished.replace(tzinfo=timezone.utc)
    made = str(finished.timestamp())
    value = {
        "schema_version": SCHEMA,
        "evaluation_id": f"{record.benchmark}/{shown_name(record.model)}/{made}",
        "source_metadata": {
            "source_name": "opencodeeval",
            "source_type": "evaluation_run",
            "source_organization_name": evaluator.organization,
            "evaluator_relationship": evaluator.relationship,
            "additional_details": {
                "made_by": mark_of("publish"),
                "record_digest": content.digest,
                "run_id": content.run_id,
            },
        },
        "evaluation_timestamp": content.timing.finished,
        "retrieved_timestamp": made,
        "model_info": _model(record),
        "eval_library": {"name": "opencodeeval", "version": content.harness.version},
        "evaluation_results": [
            _result(record, suite, metric, score.estimate)
            for suite in record.suites
            for metric, score in content.scores[suite].items()
        ],
    }
    return json.dumps(value, indent=1, ensure_ascii=True, allow_nan=False) + "\n"


def _model(record: StoredRecord) -> dict[str, Any]:
    model = record.record.model
    name = shown_name(record.model)
    owner, _, _ = name.rpartition("/")
    engine = {
        "name": model.backend,
        "version": str(model.identity.get("versions", {}).get(model.backend, "unknown")),
    }
    return {
        "name": name,
        "id": name,
        **({"developer": owner} if owner else {}),
        **({"inference_engine": engine} if model.origin == "engine" else {}),
        "additional_details": {
            "deployment_type": _DEPLOYMENTS.get(model.origin, "unknown"),
            # A record does not say whether others can get the weights.
            "model_availability": "unknown",
            **_texts(
                {
                    "weights_digest": model.identity.get("weights_digest"),
                    "revision": model.revision,
                    "adapter": model.adapter,
                    "samples": "from a file" if model.origin == "file" else "",
                }
            ),
        },
    }


def _result(record: StoredRecord, suite: str, name: str, score: Estimate) -> dict[str, Any]:
    several = len(record.suites) > 1
    metric = parse_metric(name)
    return {
        "evaluation_result_id": f"{record.record.run_id}/{suite}/{name}",
        "evaluation_name": f"{record.benchmark} ({suite})" if several else record.benchmark,
        "source_data": _data(record),
        "evaluation_timestamp": record.record.timing.finished,
        "metric_config": {
            "metric_id": "pass_at_k" if metric.family is Family.PASS_AT else name,
            "metric_name": name,
            "metric_kind": "pass_rate",
            "metric_unit": "proportion",
            "metric_parameters": _parameters(metric),
            "lower_is_better": False,
            "score_type": "continuous",
            "min_score": 0.0,
            "max_score": 1.0,
        },
        "score_details": {
            "score": score.value,
            "details": _texts(
                {
                    "headline": str(suite == record.headline).lower(),
                    "cautions": "; ".join(cautions(record.record)),
                }
            ),
            "uncertainty": {
                "confidence_interval": {
                    "lower": score.low,
                    "upper": score.high,
                    "confidence_level": 0.95,
                    "method": "Wilson, over tasks, at the effective sample size",
                },
                "num_samples": record.record.benchmark.tasks,
            },
        },
        "generation_config": _generation(record),
    }


def _parameters(metric: Metric) -> dict[str, float]:
    found: dict[str, float] = {"k": metric.k} if metric.k else {}
    return {**found, "tau": float(metric.tau)} if metric.tau else found


def _data(record: StoredRecord) -> dict[str, Any]:
    benchmark = record.record.benchmark
    dataset = ON_THE_HUB.get(record.benchmark)
    where = {"source_type": "hf_dataset", "hf_repo": dataset} if dataset else {}
    data = benchmark.description.data
    return {
        "dataset_name": benchmark.description.title or record.benchmark,
        **(where or {"source_type": "other"}),
        **({"samples_number": benchmark.tasks} if dataset else {}),
        "additional_details": _texts(
            {
                "data_version": record.data_version,
                "data_digest": benchmark.data_digest,
                "tasks": benchmark.shown_tasks,
                "read_from": data.get("dataset"),
                "revision": data.get("revision"),
                "window": " to ".join(benchmark.description.window.values()),
            }
        ),
    }


def _generation(record: StoredRecord) -> dict[str, Any]:
    sampling, protocol = record.record.sampling, record.record.protocol
    known = sampling.temperature is not None
    arguments: dict[str, Any] = {"sandbox": {"type": str(record.record.sandbox.get("jail", ""))}}
    if known:
        arguments |= {"temperature": sampling.temperature, "top_p": sampling.top_p}
        arguments |= {"top_k": sampling.top_k} if sampling.top_k else {}
        arguments |= {"max_tokens": sampling.max_tokens} if sampling.max_tokens else {}
        arguments |= {"reasoning": record.record.reasoning is not None}
    others = {name: sampling.setting(name) for name in SETTINGS if name != "top_k"} if known else {}
    return {
        "generation_args": arguments,
        "additional_details": _texts(
            {
                "protocol": protocol.name,
                "protocol_version": protocol.version,
                "prompt_digest": protocol.prompt_digest,
                "samples_per_task": sampling.n,
                "seed": sampling.seed,
                "sampling": decoding(record),
                **others,
            }
        ),
    }


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    """The schema's free fields hold texts only; what is not known is left out."""
    return {name: str(value) for name, value in values.items() if value not in (None, "")}
