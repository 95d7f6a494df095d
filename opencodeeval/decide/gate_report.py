"""A gate's decision as text, Markdown, JSON and JUnit XML."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any
from xml.etree import ElementTree

from opencodeeval.core import tables
from opencodeeval.core.text import wrapped
from opencodeeval.decide.comparison import OVERALL, SHOWN, as_json, flipped, signed
from opencodeeval.decide.gate import EXIT_STATUS, Answer, Decision, Finding
from opencodeeval.stats.metrics import PASS_AT_1

SCHEMA = 1
HEADER = (
    "benchmark",
    "baseline",
    "candidate",
    "change",
    "95 % interval",
    "drop at most",
    "margin",
    "p of a drop",
    "detectable",
    "answer",
)
# Those of them that fit a terminal; the others follow in lines of their own.
IN_TEXT = (
    *("benchmark", "baseline", "candidate", "change"),
    *("95 % interval", "drop at most", "margin", "answer"),
)
RIGHT = frozenset({"baseline", "candidate", "change", "drop at most", "margin", "p of a drop"})
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_MARK = {Answer.PASS: "✅", Answer.REGRESSION: "❌", Answer.INCONCLUSIVE: "❔"}


def as_text(decision: Decision, models: Sequence[str]) -> str:
    """The report for a terminal; `models` are the baseline's and the candidate's names."""
    rows = [dict(zip(HEADER, _row(each), strict=True)) for each in decision.findings]
    table = tables.fitted(IN_TEXT, [[row[name] for name in IN_TEXT] for row in rows], RIGHT)
    details = [
        f"{row['benchmark']}: p of a drop {row['p of a drop']}, "
        f"detectable drop {row['detectable']}{'' if each.detectable is None else ' points'}"
        for row, each in zip(rows, decision.findings, strict=True)
    ]
    details += _details(decision, "  ")
    verdict = wrapped(_verdict(decision))
    return "\n".join([_title(models), "", table, "", *map(wrapped, details), "", verdict])


def as_markdown(decision: Decision, models: Sequence[str]) -> str:
    """The report for a pull request or a job's summary page."""
    table = tables.markdown(HEADER, [_row(each) for each in decision.findings], RIGHT)
    mark = _MARK[decision.answer]
    head = [f"## {mark} {decision.answer}: {models[1]}", "", f"{_title(models)}: {decision.why}."]
    return "\n".join([*head, "", table, *_details(decision, "- "), "", _legend(decision), ""])


def gate_json(decision: Decision, models: Sequence[str]) -> dict[str, Any]:
    """The decision with all its findings."""
    return {
        "schema": SCHEMA,
        "made_by": "opencodeeval gate",
        "answer": str(decision.answer),
        "exit_status": EXIT_STATUS[decision.answer],
        "why": decision.why,
        "baseline": models[0],
        "candidate": models[1],
        "policy": asdict(decision.policy),
        "findings": [
            {
                **as_json(each.comparison),
                "answer": str(each.answer),
                "margin": each.margin,
                "drop": each.drop,
                "drop_bound": each.bound,
                "provable_margin": each.provable,
                "p_drop_holm": each.p_value,
                "detectable_drop": each.detectable,
            }
            for each in decision.findings
        ],
        "quarantined": {name: dict(tasks) for name, tasks in decision.quarantined.items()},
    }


def as_junit(decision: Decision, models: Sequence[str]) -> str:
    """One test case per benchmark: a regression is a failure, an inconclusive one is skipped."""
    counts = [each.answer for each in decision.findings]
    suite = ElementTree.Element(
        "testsuite",
        name=f"opencodeeval gate: {models[1]} against {models[0]}",
        tests=str(len(counts)),
        failures=str(counts.count(Answer.REGRESSION)),
        errors="0",
        skipped=str(counts.count(Answer.INCONCLUSIVE)),
    )
    for finding in decision.findings:
        part = finding.comparison
        case = ElementTree.SubElement(
            suite, "testcase", classname="opencodeeval.gate", name=part.title
        )
        if finding.answer is Answer.REGRESSION:
            body = ElementTree.SubElement(case, "failure", message=_sentence(finding))
            body.text = f"lost: {flipped(part.lost)}\ngained: {flipped(part.gained)}"
        elif finding.answer is Answer.INCONCLUSIVE:
            ElementTree.SubElement(case, "skipped", message=_sentence(finding))
        ElementTree.SubElement(case, "system-out").text = _sentence(finding)
    ElementTree.indent(suite)
    text = ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"
    # XML cannot represent these characters, and user-defined task names may contain them.
    return _CONTROL.sub("?", text)


def _title(models: Sequence[str]) -> str:
    return f"baseline {models[0]}, candidate {models[1]}"


def _verdict(decision: Decision) -> str:
    return f"{decision.answer}: {decision.why} (exit status {EXIT_STATUS[decision.answer]})"


def _row(finding: Finding) -> tuple[str, ...]:
    part = finding.comparison
    name = part.benchmark if part.benchmark == OVERALL else f"{part.title} {part.suite}"
    return (
        name if part.metric == str(PASS_AT_1) else f"{name} {part.metric}",
        f"{100 * part.baseline:.1f}",
        f"{100 * part.candidate:.1f}",
        signed(part.difference.value),
        f"{signed(part.difference.low)} to {signed(part.difference.high)}",
        f"{100 * finding.bound:.1f}",
        f"{100 * finding.margin:.4g}",
        f"{finding.p_value:.2g}",
        _detectable(finding),
        str(finding.answer),
    )


def _detectable(finding: Finding) -> str:
    return "none" if finding.detectable is None else f"{100 * finding.detectable:.1f}"


def _sentence(finding: Finding) -> str:
    part = finding.comparison
    return (
        f"{part.metric} {100 * part.baseline:.1f} to {100 * part.candidate:.1f}, a drop of at "
        f"most {100 * finding.bound:.1f} points ({100 * finding.margin:.4g} tolerated), "
        f"p of a drop {finding.p_value:.2g}, smallest detectable drop {_detectable(finding)}"
    )


def _details(decision: Decision, bullet: str) -> list[str]:
    lines: list[str] = []
    for finding in decision.findings:
        part = finding.comparison
        notes = []
        if part.lost or part.gained:
            notes.append(f"lost {len(part.lost)}: {flipped(part.lost, SHOWN) or 'none'}")
            notes.append(f"gained {len(part.gained)}: {flipped(part.gained, SHOWN) or 'none'}")
        if finding.answer is Answer.INCONCLUSIVE and finding.provable >= finding.margin:
            notes.append(
                f"{part.tasks} tasks are too few for this margin: even with identical results "
                f"only drops above {100 * finding.provable:.1f} points can be ruled out; widen "
                "the margin, or add benchmarks and use their mean (--scope overall)"
            )
        names = decision.quarantined.get(part.title, {})
        if names:
            notes.append(f"quarantined {len(names)}: {', '.join(names)}")
        notes += part.remarks
        if notes:
            lines += ["", f"{part.title}:", *(f"{bullet}{each}" for each in notes)]
    return lines


def _legend(decision: Decision) -> str:
    level = f"{100 * decision.policy.alpha:.4g} %"
    return (
        "All numbers but p are points. *Drop at most*: the largest drop that the data allow at "
        f"{level}; below the margin the candidate passes. *p of a drop*: of no drop against a "
        f"drop, adjusted for {len(decision.findings)} tests (Holm); a regression is p of at most "
        f"{level} and a drop above the margin. *Detectable*: the smallest drop that would have "
        "been shown in four of five cases."
    )
