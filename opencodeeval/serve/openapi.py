"""The description of the interface that /openapi.json gives, made from the messages' types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from opencodeeval import __version__
from opencodeeval.serve.fusion_messages import (
    EvalResult,
    RunCodeRequest,
    RunCodeResponse,
    SubmitRequest,
)
from opencodeeval.serve.messages import (
    BatchLine,
    BatchRequest,
    GradeRequest,
    GradeResult,
    Ready,
    Refusal,
    ServedBench,
)

_REFUSALS = {
    "400": "The request cannot be graded as it is written.",
    "401": "The token is missing or not valid.",
    "404": "The request names something that is not served.",
    "413": "The request is larger than this server takes.",
    "429": "The queue is full: try again after Retry-After seconds.",
    "503": "The sandbox failed, or the server ends: there is no verdict; try again.",
    "504": "There was no verdict within the request's deadline.",
}


Schema = dict[str, Any]


def openapi() -> Schema:
    """The OpenAPI 3.1 description."""
    types = (
        *(GradeRequest, GradeResult, BatchRequest, BatchLine, Refusal, ServedBench, Ready),
        *(RunCodeRequest, RunCodeResponse, SubmitRequest, EvalResult),
    )
    references, components = msgspec.json.schema_components(
        types, ref_template="#/components/schemas/{name}"
    )
    named = {kind.__name__: found for kind, found in zip(types, references, strict=True)}
    # A batch is read request by request, which its type does not say.
    components["BatchRequest"]["properties"]["requests"]["items"] = named["GradeRequest"]
    return {
        "openapi": "3.1.0",
        "info": {"title": "opencodeeval", "version": __version__},
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
        "paths": {**_grading(named), **_as_sandbox_fusion(named), **_asking(named)},
    }


def _grading(named: Mapping[str, Schema]) -> Schema:
    lines = _answer("Lines", named["BatchLine"], "application/x-ndjson")
    digest = {"name": "digest", "in": "path", "required": True, "schema": {"type": "string"}}
    kept: Schema = {"204": {"description": "It is kept"}}
    return {
        "/grade": {
            "post": {
                "summary": "Grade one text",
                "requestBody": _body(named["GradeRequest"]),
                "responses": _answer("Its verdicts", named["GradeResult"])
                | _refused(named, *_REFUSALS),
            }
        },
        "/grade/batch": {
            "post": {
                "summary": "Grade many; a line is sent for each as soon as it is graded",
                "requestBody": _body(named["BatchRequest"]),
                "responses": lines | _refused(named, "400", "401", "413", "429", "503"),
            }
        },
        "/specs/{digest}": {
            "put": {
                "summary": "Keep a specification of tests under its digest",
                "parameters": [digest],
                "requestBody": _body({"type": "object"}),
                "responses": kept | _refused(named, "400", "401", "404", "413"),
            }
        },
        "/parts/{sha256}": {
            "put": {
                "summary": "Keep a part of a specification under its SHA-256",
                "parameters": [{**digest, "name": "sha256"}],
                "requestBody": {
                    "required": True,
                    "content": {"application/octet-stream": {"schema": {"type": "string"}}},
                },
                "responses": kept | _refused(named, "400", "401", "413"),
            }
        },
    }


def _as_sandbox_fusion(named: Mapping[str, Schema]) -> Schema:
    refused = _refused(named, "400", "401", "404", "413")
    later = "There is no outcome yet, or the sandbox failed: try again after Retry-After seconds."
    refused["504"] = {**refused["400"], "description": later}
    return {
        "/run_code": {
            "post": {
                "summary": "Run a program once, as SandboxFusion does",
                "requestBody": _body(named["RunCodeRequest"]),
                "responses": _answer("What became of it", named["RunCodeResponse"]) | refused,
            }
        },
        "/submit": {
            "post": {
                "summary": "Grade an answer, as SandboxFusion does",
                "requestBody": _body(named["SubmitRequest"]),
                "responses": _answer("Whether it is accepted", named["EvalResult"]) | refused,
            }
        },
    }


def _asking(named: Mapping[str, Schema]) -> Schema:
    benches = {"type": "array", "items": named["ServedBench"]}
    for_all: Schema = {"security": []}
    return {
        "/benches": {
            "get": {
                "summary": "The benchmarks that are served",
                "responses": _answer("Their names and tasks", benches) | _refused(named, "401"),
            }
        },
        "/metrics": {
            "get": {
                "summary": "Counters for Prometheus",
                "responses": _answer("Its text format", {"type": "string"}, "text/plain")
                | _refused(named, "401"),
            }
        },
        "/health": {
            "get": {
                "summary": "Whether the process answers",
                "responses": _answer("It does", {"type": "object"}),
                **for_all,
            }
        },
        "/ready": {
            "get": {
                "summary": "Whether requests are graded",
                "responses": _answer("They are, by these sandboxes", named["Ready"])
                | _refused(named, "503"),
                **for_all,
            }
        },
    }


def _answer(said: str, schema: Schema, media: str = "application/json") -> Schema:
    return {"200": {"description": said, "content": {media: {"schema": schema}}}}


def _body(schema: Schema) -> Schema:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _refused(named: Mapping[str, Schema], *statuses: str) -> Schema:
    content = {"application/json": {"schema": named["Refusal"]}}
    return {status: {"description": _REFUSALS[status], "content": content} for status in statuses}
