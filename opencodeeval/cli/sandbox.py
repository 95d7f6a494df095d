"""Build the sandbox image, show what sandboxes there are, or remove what killed runs have left."""

from __future__ import annotations

import argparse
import sys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions of `sandbox`."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="build|status|clean")
    build = actions.add_parser("build", help="build the sandbox image", allow_abbrev=False)
    build.add_argument(
        "--base-image",
        metavar="NAME",
        help="what to build on (default: OPENCODEEVAL_BASE_IMAGE, else Python's own image)",
    )
    actions.add_parser("status", help="say which sandboxes work", allow_abbrev=False)
    actions.add_parser(
        "clean", help="remove what killed runs and other versions have left", allow_abbrev=False
    )


def execute(options: argparse.Namespace) -> int:
    """Do it; status exits with 1 where no sandbox works."""
    from opencodeeval import execution
    from opencodeeval.doctor import examine_sandboxes, report

    if options.action == "build":
        print(execution.build_image(options.base_image, lambda line: print(line, file=sys.stderr)))
        return 0
    if options.action == "clean":
        containers, images = execution.clean()
        print(f"removed: {containers} containers of killed runs, {images} images of other versions")
        return 0
    findings = examine_sandboxes()
    print(report(findings))
    return 0 if any(finding.ok and finding.role == "sandbox" for finding in findings) else 1
