"""Build the sandbox image, show which sandboxes work, or remove leftovers of killed runs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from opencodeeval.core.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions of `sandbox`."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="build|status|clean")
    build = actions.add_parser(
        "build", help="build a sandbox image, or prepare a folder", allow_abbrev=False
    )
    build.add_argument(
        "environment",
        nargs="?",
        default="",
        metavar="ENVIRONMENT",
        help="the packages to install, e.g. bigcodebench (default: Python and NumPy)",
    )
    build.add_argument(
        "--base-image",
        metavar="NAME",
        help="the base image (default: OPENCODEEVAL_BASE_IMAGE, else Python's own image)",
    )
    build.add_argument(
        "--local",
        type=Path,
        metavar="DIR",
        help="prepare a virtual environment in DIR for --sandbox local, instead of an image",
    )
    build.add_argument(
        "--python", metavar="PATH", help="the interpreter for DIR (default: from PATH)"
    )
    actions.add_parser("status", help="say which sandboxes work", allow_abbrev=False)
    actions.add_parser(
        "clean", help="remove leftovers of killed runs and other versions", allow_abbrev=False
    )


def execute(options: argparse.Namespace) -> int:
    """Do it; `status` exits with 1 if no sandbox works."""
    from opencodeeval import execution
    from opencodeeval.runs.doctor import examine_sandboxes, report

    if options.action == "build":
        print(_build(options, lambda line: print(line, file=sys.stderr)))
        return 0
    if options.action == "clean":
        containers, images = execution.clean()
        print(f"removed: {containers} containers of killed runs, {images} images of other versions")
        return 0
    findings = examine_sandboxes()
    print(report(findings))
    return 0 if any(finding.ok and finding.role == "sandbox" for finding in findings) else 1


def _build(options: argparse.Namespace, log: Callable[[str], None]) -> str:
    from opencodeeval import execution

    if options.local is None:
        if options.python:
            raise UsageError("--python needs --local: add --local DIR, or leave --python out")
        return execution.build_image(options.base_image, log, options.environment)
    if not options.environment:
        raise UsageError("--local DIR needs an environment to build: name one, e.g. bigcodebench")
    if options.base_image:
        raise UsageError("--base-image is for Docker images only: leave it out with --local")
    return str(execution.prepare_local(options.environment, options.local, options.python, log))
