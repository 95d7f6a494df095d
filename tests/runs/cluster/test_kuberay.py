"""The example for KubeRay: what it says is what this command and `ray start` take."""

from __future__ import annotations

import json
import shlex
from typing import Any

import yaml

from opencodeeval.cli.run import parsed, wanted
from tests.support.ray_cluster import ROOT

EXAMPLE = ROOT / "docs/examples/rayjob.yaml"


def job() -> dict[str, Any]:
    (found,) = yaml.safe_load_all(EXAMPLE.read_text("utf-8"))
    assert (found["apiVersion"], found["kind"]) == ("ray.io/v1", "RayJob")
    spec: dict[str, Any] = found["spec"]
    return spec


def groups() -> dict[str, dict[str, Any]]:
    return {each["groupName"]: each for each in job()["rayClusterSpec"]["workerGroupSpecs"]}


def limits(group: dict[str, Any]) -> dict[str, str]:
    (container,) = group["template"]["spec"]["containers"]
    found: dict[str, str] = container["resources"]["limits"]
    return found


def test_its_command_is_one_that_the_command_line_takes() -> None:
    program, *arguments = shlex.split(job()["entrypoint"])
    assert program == "opencodeeval"
    asked = wanted(parsed(arguments))
    assert asked.executor.name == "ray"
    assert asked.specs == ["humaneval_plus", "mbpp_plus"]


def test_it_asks_for_the_engines_and_slots_that_its_nodes_can_have() -> None:
    asked = wanted(parsed(shlex.split(job()["entrypoint"])[1:]))
    engines, slots = groups()["engines"], groups()["slots"]
    gpus = int(engines["rayStartParams"]["num-gpus"])
    assert gpus == int(limits(engines)["nvidia.com/gpu"])
    assert int(asked.executor.args["engines"]) == gpus * engines["maxReplicas"]
    # As KubeRay passes it on: a JSON text inside quotation marks of the shell's.
    offered = json.loads(shlex.split(f"--resources={slots['rayStartParams']['resources']}")[0][12:])
    assert offered == {"slots": int(limits(slots)["cpu"])}
    assert asked.sandbox.slots == offered["slots"] * slots["maxReplicas"]
    assert asked.sandbox.kind == "local"
