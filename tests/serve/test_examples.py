"""The examples of containers: what they say fits the command line, the probes and the grace."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from opencodeeval.benchmarks.registry import load_benchmark
from opencodeeval.cli.main import parsed_command
from opencodeeval.serve.client import GraderClient
from tests.support.serving import free_port

# The name of an image that was built as the Dockerfile says.
IMAGE = os.environ.get("OPENCODEEVAL_TEST_SERVE_IMAGE", "")
TOKEN = "0123456789abcdef-ours"


@pytest.fixture(scope="session")
def examples(repo_root: Path) -> Path:
    return repo_root / "docs" / "examples" / "serve"


@pytest.fixture(scope="session")
def compose(examples: Path) -> dict[str, Any]:
    (service,) = yaml.safe_load((examples / "compose.yaml").read_text())["services"].values()
    return dict(service)


@pytest.fixture(scope="session")
def kubernetes(examples: Path) -> dict[tuple[str, str], Any]:
    found = yaml.safe_load_all((examples / "kubernetes.yaml").read_text())
    return {(each["kind"], each["metadata"]["name"]): each["spec"] for each in found}


def options_of(arguments: list[str]) -> Any:
    """The options of `serve`, which is the image's command."""
    return parsed_command(["serve", *arguments])[1]


def seconds(text: str) -> int:
    assert text.endswith("s")
    return int(text[:-1])


def test_the_compose_file_gives_the_server_its_grace(compose: dict[str, Any]) -> None:
    options = options_of(compose["command"])
    assert seconds(compose["stop_grace_period"]) > options.grace
    assert options.sandbox == "local"
    assert "OPENCODEEVAL_SERVE_TOKENS" in compose["environment"]
    assert "/ready" in compose["healthcheck"]["test"][-1]
    # Not to everybody's network.
    assert compose["ports"] == ["127.0.0.1:8321:8321"]
    assert not compose.get("privileged")


def test_the_manifest_has_probes_grace_and_tokens(kubernetes: dict[tuple[str, str], Any]) -> None:
    for kind, name, variable in (
        ("StatefulSet", "host", "OPENCODEEVAL_SERVE_TOKENS"),
        ("Deployment", "front", "OPENCODEEVAL_HOSTS_TOKEN"),
    ):
        pod = kubernetes[kind, name]["template"]["spec"]
        (container,) = pod["containers"]
        options = options_of(container["args"])
        assert pod["terminationGracePeriodSeconds"] > options.grace
        assert container["readinessProbe"]["httpGet"]["path"] == "/ready"
        assert container["livenessProbe"]["httpGet"]["path"] == "/health"
        assert variable in {each["name"] for each in container["env"]}
        assert container["securityContext"]["runAsNonRoot"] is True
        labels = kubernetes[kind, name]["template"]["metadata"]["labels"]
        assert kubernetes[kind, name]["selector"]["matchLabels"] == labels


def test_the_front_knows_every_host_of_the_manifest(
    kubernetes: dict[tuple[str, str], Any],
) -> None:
    hosts = kubernetes["StatefulSet", "host"]
    (front,) = kubernetes["Deployment", "front"]["template"]["spec"]["containers"]
    assert options_of(front["args"]).behind.split(",") == [
        f"http://host-{number}.{hosts['serviceName']}:8321" for number in range(hosts["replicas"])
    ]
    (host,) = hosts["template"]["spec"]["containers"]
    assert host["resources"]["requests"]["cpu"] == str(options_of(host["args"]).slots)


def test_the_manifest_fits_the_schema_of_kubernetes(examples: Path) -> None:
    validate = pytest.importorskip("kubernetes_validate")
    for each in yaml.safe_load_all((examples / "kubernetes.yaml").read_text()):
        validate.validate(each, "1.33", strict=True)


@pytest.fixture
def container(compose: dict[str, Any]) -> Iterator[str]:
    """The address of a container that runs as the compose file says."""
    if not IMAGE:
        pytest.skip("set OPENCODEEVAL_TEST_SERVE_IMAGE to an image that the Dockerfile made")
    port = free_port()
    arguments = ["--sandbox", "local", "--bench", "starter", "--slots", "2"]
    limits = [f"--security-opt={each}" for each in compose["security_opt"]]
    limits += [f"--cap-drop={each}" for each in compose["cap_drop"]]
    name = f"opencodeeval-serve-{port}"
    subprocess.run(
        [
            *("docker", "run", "--detach", "--name", name, "--init", *limits),
            *("--network", "host", "--env", f"OPENCODEEVAL_SERVE_TOKENS=ours={TOKEN}"),
            *(IMAGE, *arguments, "--port", str(port)),
        ],
        check=True,
        capture_output=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        end = time.monotonic() + 120
        while not _is_ready(url):
            logs = subprocess.run(["docker", "logs", name], capture_output=True, text=True)
            assert time.monotonic() < end, logs.stderr
            time.sleep(0.2)
        yield url
        # It ends by itself when it is told to.
        subprocess.run(["docker", "stop", "--time", "60", name], check=True, capture_output=True)
        state = ["docker", "inspect", "--format", "{{.State.ExitCode}}", name]
        ended = subprocess.run(state, check=True, capture_output=True, text=True)
        assert ended.stdout.strip() in ("0", "143")
    finally:
        subprocess.run(["docker", "rm", "--force", name], check=True, capture_output=True)


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/ready", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.docker
def test_programs_are_graded_in_the_image(container: str) -> None:
    task = next(task for task in load_benchmark("starter").tasks if task.task_id == "starter/0")
    with GraderClient(container, TOKEN) as client:
        asked = {"bench": "starter", "task_id": task.task_id}
        assert client.grade(**asked, program=task.reference).passed
        assert client.grade(
            **asked, program="def count_rises(values):\n    return 0\n"
        ).verdict == ("wrong")
        # Neither the network nor another process is there for a program.
        reaches = "import socket\nsocket.create_connection(('127.0.0.1', 1), 1)\n"
        assert client.grade(**asked, program=reaches + task.reference).verdict == "error"
