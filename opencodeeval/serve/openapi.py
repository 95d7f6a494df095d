"""The description of the interface that /openapi.json gives, made from the messages' types."""

from __future__ import annotations

from typing import Any

import msgspec

from opencodeeval import __version__
from opencodeeval.serve.messages import (
    BatchLine,
    BatchRequest,
    GradeRequest,
    GradeResult,
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


def openapi() -> dict[str, Any]:
    """The OpenAPI 3.1 description."""
    types = (GradeRequest, GradeResult, BatchRequest, BatchLine, Refusal, ServedBench)
    references, components = msgspec.json.schema_components(
        types, ref_template="#/components/schemas/{name}"
    )
    named = {kind.__name__: found for kind, found in zip(types, references, strict=True)}
    # A batch is read request by request, which its type does not say.
    components["BatchRequest"]["properties"]["requests"]["items"] = named["GradeRequest"]
    refused = {"application/json": {"schema": named["Refusal"]}}
    refusals = {
        status: {"description": said, "content": refused} for status, said in _REFUSALS.items()
    }

    def answer(said: str, schema: Any, media: str = "application/json") -> dict[str, Any]:
        return {"200": {"description": said, "content": {media: {"schema": schema}}}}

    def body(schema: Any) -> dict[str, Any]:
        return {"required": True, "content": {"application/json": {"schema": schema}}}

    def some(*statuses: str) -> dict[str, Any]:
        return {status: refusals[status] for status in statuses}

    digest = {"name": "digest", "in": "path", "required": True, "schema": {"type": "string"}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "opencodeeval", "version": __version__},
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
        "paths": {
            "/grade": {
                "post": {
                    "summary": "Grade one text",
                    "requestBody": body(named["GradeRequest"]),
                    "responses": answer("Its verdicts", named["GradeResult"]) | refusals,
                }
            },
            "/grade/batch": {
                "post": {
                    "summary": "Grade many; a line is sent for each as soon as it is graded",
                    "requestBody": body(named["BatchRequest"]),
                    "responses": answer("Lines", named["BatchLine"], "application/x-ndjson")
                    | some("400", "401", "413", "429", "503"),
                }
            },
            "/specs/{digest}": {
                "put": {
                    "summary": "Keep a specification of tests under its digest",
                    "parameters": [digest],
                    "requestBody": body({"type": "object"}),
                    "responses": {"204": {"description": "It is kept"}} | some("400", "401", "413"),
                }
            },
            "/benches": {
                "get": {
                    "summary": "The benchmarks that are served",
                    "responses": answer(
                        "Their names and tasks", {"type": "array", "items": named["ServedBench"]}
                    )
                    | some("401"),
                }
            },
            "/metrics": {
                "get": {
                    "summary": "Counters for Prometheus",
                    "responses": answer("Its text format", {"type": "string"}, "text/plain")
                    | some("401"),
                }
            },
            "/health": {
                "get": {
                    "summary": "Whether the process answers",
                    "security": [],
                    "responses": answer("It does", {"type": "object"}),
                }
            },
            "/ready": {
                "get": {
                    "summary": "Whether requests are graded",
                    "security": [],
                    "responses": answer("They are", {"type": "object"}) | some("503"),
                }
            },
        },
    }
