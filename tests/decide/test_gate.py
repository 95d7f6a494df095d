"""The gate: its answers, its policy, its reports and its exit statuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from opencodeeval.backends.reference import ReferenceBackend
from opencodeeval.benchmarks.registry import load_benchmark
from opencodeeval.cli import main as cli
from opencodeeval.core.errors import UsageError
from opencodeeval.core.types import Sampling
from opencodeeval.decide.early_stop import StopEarly
from opencodeeval.decide.gate import EXIT_STATUS, Answer, Policy, decide
from opencodeeval.decide.gate_report import as_text
from opencodeeval.decide.policy import overridden, read_policy
from opencodeeval.records.comparable import Pair
from opencodeeval.records.reading import StoredRecord
from opencodeeval.runs.recording import Planned, head
from tests.support.records import greedy, record, sealed, stored, write


def flips(lost: int, gained: int, tasks: int, benchmark: str = "humaneval") -> Pair:
    before = "1" * lost + "0" * gained + "1" * (tasks - lost - gained)
    after = "0" * lost + "1" * gained + "1" * (tasks - lost - gained)
    sides = [record(greedy(bits), model=bits[:2], benchmark=benchmark) for bits in (before, after)]
    return Pair(*map(stored, sides))


@pytest.mark.parametrize(
    ("lost", "gained", "tasks", "answer"),
    [
        (0, 0, 164, Answer.INCONCLUSIVE),  # rule of three: 164 tasks cannot exclude 1 point
        (0, 0, 1140, Answer.PASS),
        (12, 12, 164, Answer.INCONCLUSIVE),
        (20, 4, 164, Answer.REGRESSION),
        (4, 20, 164, Answer.PASS),
        (6, 0, 1140, Answer.INCONCLUSIVE),  # a drop is shown, but half a point is tolerated
        (24, 4, 1140, Answer.REGRESSION),
    ],
)
def test_one_benchmark(lost: int, gained: int, tasks: int, answer: Answer) -> None:
    assert decide([flips(lost, gained, tasks)], Policy()).answer is answer


def test_one_regression_is_enough_and_every_benchmark_has_to_pass() -> None:
    good, bad = flips(0, 30, 500, "mbpp"), flips(20, 4, 164)
    decision = decide([good, bad], Policy())
    assert decision.answer is Answer.REGRESSION
    assert "humaneval by 9.8 points" in decision.why
    unclear = flips(3, 3, 164)
    assert decide([good, unclear], Policy()).answer is Answer.INCONCLUSIVE
    assert decide([good, unclear], Policy(scope="overall")).answer is Answer.PASS
    assert decide([good, bad], Policy(scope="overall")).answer is Answer.REGRESSION


def test_a_drop_that_one_benchmark_shows_is_not_shown_by_six() -> None:
    """Holm: the same p-value weighs less where more tests had their chance."""
    drop = flips(9, 2, 164)
    assert decide([drop], Policy()).answer is Answer.REGRESSION
    others = [flips(5, 5, 164, f"other-{i}") for i in range(5)]
    decision = decide([drop, *others], Policy())
    assert decision.answer is Answer.INCONCLUSIVE
    alone = decide([drop], Policy()).findings[0]
    assert decision.findings[0].p_value == pytest.approx(7 * alone.p_value)
    assert decision.findings[0].detectable > alone.detectable  # type: ignore[operator]


def test_a_small_drop_everywhere_is_seen_in_the_mean() -> None:
    pairs = []
    for number in range(6):  # each benchmark has tasks of its own
        sides = []
        for side in flips(16, 8, 400, f"bench-{number}"):
            tasks = {f"{number}/{task}": row for task, row in side.content["tasks"].items()}
            sides.append(stored({**side.content, "tasks": tasks}))
        pairs.append(Pair(*sides))
    decision = decide(pairs, Policy())
    assert [each.answer for each in decision.findings[:-1]] == [Answer.INCONCLUSIVE] * 6
    assert decision.findings[-1].answer is Answer.REGRESSION
    assert decision.answer is Answer.REGRESSION


def in_clusters(content: dict[str, Any], size: int) -> StoredRecord:
    """The record, each `size` of its tasks one cluster."""
    rows = enumerate(content["tasks"].items())
    tasks = {task: {**row, "cluster": f"p{place // size}"} for place, (task, row) in rows}
    return stored({**content, "tasks": tasks})


def test_samples_of_one_problem_are_not_independent_tasks() -> None:
    """Ten samples of each of 20 problems as tasks, against the same as 20 tasks of ten samples."""
    bits = ["1" * 10] * 12 + ["0" * 10] * 8, ["1" * 10] * 6 + ["0" * 10] * 14
    clustered = Pair(*(in_clusters(record(greedy("".join(side))), 10) for side in bits))
    counts = [{f"p{i}": (10, side.count("1")) for i, side in enumerate(each)} for each in bits]
    single = Pair(*(stored(record(each)) for each in counts))
    unclustered = Pair(*(stored(record(greedy("".join(side)))) for side in bits))
    answers = [decide([pair], Policy()).findings[0] for pair in (clustered, single, unclustered)]
    assert answers[0].comparison.tasks == 20
    assert answers[0].p_value == answers[1].p_value
    assert answers[0].bound == answers[1].bound
    assert answers[2].p_value < answers[0].p_value / 1000
    assert len(answers[0].comparison.lost) == 6


def test_two_data_versions_of_a_benchmark_are_two_findings() -> None:
    one, other = flips(30, 0, 164), flips(0, 0, 164)
    later = Pair(
        *(
            stored(
                {**each.content, "benchmark": {**each.content["benchmark"], "data_version": "v2"}}
            )
            for each in other
        )
    )
    quarantine = {"humaneval": ("t/0",)}
    decision = decide([one, later], Policy(margin=0.05, quarantine=quarantine))
    answers = {each.comparison.title: each.answer for each in decision.findings[:-1]}
    assert answers == {"humaneval@v1": Answer.REGRESSION, "humaneval@v2": Answer.PASS}
    assert list(decision.quarantined) == ["humaneval@v1", "humaneval@v2"]
    assert "humaneval@v2" in as_text(decision, ("a", "b"))


def test_quarantined_tasks_do_not_count() -> None:
    pair = flips(20, 4, 164)
    quarantine = {"humaneval": tuple(f"t/{i}" for i in range(20))}
    decision = decide([pair], Policy(margin=0.05, quarantine=quarantine))
    assert decision.answer is Answer.PASS
    assert decision.findings[0].comparison.tasks == 144
    with pytest.raises(UsageError, match="nowhere in the quarantine of humaneval is not one"):
        decide([pair], Policy(quarantine={"humaneval": ("nowhere",)}))


def test_the_errata_in_force_when_a_record_was_made_are_quarantined() -> None:
    content = record({f"t/{i}": (1, 1) for i in (100, 101, 103)}, benchmark="mbpp")
    erratum = {"task": "t/101", "kind": "slow", "what": "It takes a minute."}
    one, other = stored(content), stored({**content, "errata": [erratum]})
    for pair in (Pair(one, other), Pair(other, one)):
        decision = decide([pair], Policy())
        assert decision.quarantined["mbpp"] == {"t/101": "erratum (slow): It takes a minute."}
    assert not decide([pair], Policy(errata=False)).quarantined["mbpp"]
    assert not decide([Pair(one, one)], Policy()).quarantined["mbpp"]


@pytest.mark.shared
def test_errata_that_name_a_protocol_are_in_its_records(shared_data: Path) -> None:
    protocol = "opencodeeval"
    benchmark = load_benchmark("mbpp_plus", protocol, data_dir=shared_data)
    head_ = head(Planned(benchmark, ReferenceBackend(benchmark.tasks), Sampling()))
    named = {row.task for row in benchmark.errata if protocol in row.protocols}
    assert named
    assert head_.errata
    assert named <= {row.task for row in head_.errata}


POLICY = """
margin = 0.02
alpha = 0.1
scope = "overall"

[benchmarks.humaneval]
margin = 0.05
quarantine = ["t/3"]
"""


def test_a_policy_is_read_and_the_command_line_has_the_last_word(tmp_path: Path) -> None:
    path = tmp_path / "gate.toml"
    path.write_text(POLICY)
    policy = read_policy(path)
    assert policy == Policy(
        margin=0.02,
        alpha=0.1,
        scope="overall",
        margins={"humaneval": 0.05},
        quarantine={"humaneval": ("t/3",)},
    )
    assert (policy.margin_of("humaneval"), policy.margin_of("mbpp")) == (0.05, 0.02)
    assert overridden(policy, margin=None, alpha=None, scope="each").margin_of("humaneval") == 0.05
    assert overridden(policy, margin=0.03).margin_of("humaneval") == 0.03


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("margn = 0.1", "there is no setting or section margn, did you mean margin?"),
        ("margin = 0", "margin must be between 0 and 1, got 0.0 "),
        ("margin = true", "margin: must be a number, not true or false"),
        ("margin = nan", "margin must be between 0 and 1, got nan"),
        ("alpha = 1.0", "alpha must be between 0 and 0.5, got 1.0"),
        ('scope = "all"', "scope must be each or overall, got 'all'"),
        ("k = 0", "k must be a positive whole number, got 0"),
        ("errata = 1", "errata: must be true or false, not a whole number"),
        ("benchmarks = 3", "benchmarks: must be a table"),
        (
            "[benchmarks.humaneval]\nmargin = 2",
            "margin of humaneval must be between 0 and 1, got 2.0",
        ),
        (
            '[benchmarks.humaneval]\nquarantine = "t/1"',
            r"\[benchmarks.humaneval\] quarantine: must be a list, not text",
        ),
        (
            "[benchmarks.humaneval]\nskip = []",
            r"\[benchmarks.humaneval\] there is no setting or section skip, there are margin",
        ),
        ("[benchmark.humaneval]", "there is no setting or section benchmark, did you mean bench"),
        ('margin = "0.02"', "margin: must be a number, not text: write it without quotes"),
        (
            '[benchmarks.humaneval]\nmargin = "0.02"',
            r"\[benchmarks.humaneval\] margin: must be a number, not text: write it without quotes",
        ),
        ("margin =", "is not TOML"),
    ],
)
def test_a_policy_that_cannot_be_decided_by_is_refused(
    tmp_path: Path, text: str, words: str
) -> None:
    path = tmp_path / "gate.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=words):
        read_policy(path)


@pytest.mark.parametrize("section", ["humanevl", '"humaneval@v1"'])
@pytest.mark.parametrize("setting", ["margin = 0.9", 'quarantine = ["t/0"]'])
def test_a_section_of_no_benchmark_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], section: str, setting: str
) -> None:
    path = str(write(tmp_path, record(greedy("1100"))))
    policy = tmp_path / "gate.toml"
    policy.write_text(f"[benchmarks.{section}]\n{setting}\n")
    gate = ["gate", "--baseline", path, "--candidate", path, "--policy", str(policy)]
    assert cli.main(gate) == 2
    assert "did you mean [benchmarks.humaneval]?" in capsys.readouterr().err
    run = ["--backend", "reference", "--bench", "starter", "--sandbox", "local"]
    assert cli.main([*run, "--gate", path, "--policy", str(policy)]) == 2
    assert "did you mean [benchmarks.humaneval]?" in capsys.readouterr().err
    (tmp_path / "ckpts").mkdir()
    watch = ["watch", str(tmp_path / "ckpts"), "--bench", "humaneval", "--once"]
    watch += ["--output", str(tmp_path / "out")]
    assert cli.main([*watch, "--gate", path, "--policy", str(policy)]) == 2
    assert "did you mean [benchmarks.humaneval]?" in capsys.readouterr().err
    # One of a benchmark that is not gated now may be there, and one of the user's own.
    policy.write_text(f"[benchmarks.mbpp]\n{setting}\n[benchmarks.humaneval]\n{setting}\n")
    assert cli.main(gate) in (0, 11)


@pytest.mark.parametrize(
    "option",
    [
        ("--margin", "0.03"),
        ("--alpha", "0.1"),
        ("--scope", "each"),
        ("--metric", "pass^4"),
        ("--policy", "absent.toml"),
    ],
)
def test_options_of_the_gate_without_one_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: tuple[str, str]
) -> None:
    run = ["--backend", "reference", "--bench", "starter", "--output", str(tmp_path / "out")]
    assert cli.main([*run, *option]) == 2
    watch = ["watch", str(tmp_path), "--bench", "starter", "--output", str(tmp_path / "out")]
    assert cli.main([*watch, "--once", *option]) == 2
    assert cli.main([*watch, "--once", "--stop-on-regression"]) == 2
    said = capsys.readouterr().err
    assert said.count(f"{option[0]} is for the gate: add --gate BASELINE") == 2
    assert "--stop-on-regression is for the gate" in said


@pytest.mark.parametrize(("lost", "gained", "tasks"), [(20, 4, 164), (12, 12, 164), (0, 0, 1140)])
def test_the_command_reports_in_every_form(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], lost: int, gained: int, tasks: int
) -> None:
    paths = [
        str(write(tmp_path, sealed(dict(each.content)))) for each in flips(lost, gained, tasks)
    ]
    answer = decide([flips(lost, gained, tasks)], Policy()).answer
    if paths[0] == paths[1]:
        paths[1] = str(tmp_path)
    files = {name: tmp_path / f"out/gate.{name}" for name in ("markdown", "json", "junit")}
    outputs = [part for name, path in files.items() for part in (f"--{name}", str(path))]
    status = cli.main(["gate", "--baseline", paths[0], "--candidate", paths[1], *outputs])
    assert status == EXIT_STATUS[answer]
    assert f"\n{answer}: " in capsys.readouterr().out
    told = json.loads(files["json"].read_text())
    assert (told["answer"], told["exit_status"]) == (str(answer), status)
    assert len(told["findings"][0]["lost"]) == lost
    suite = ElementTree.parse(files["junit"]).getroot()
    kinds = {Answer.REGRESSION: "failure", Answer.INCONCLUSIVE: "skipped", Answer.PASS: None}
    (case,) = suite
    assert [child.tag for child in case if child.tag != "system-out"] == (
        [kinds[answer]] if kinds[answer] else []
    )
    assert suite.get("failures") == str(int(answer is Answer.REGRESSION))
    markdown = files["markdown"].read_text()
    assert f"{answer}: " in markdown.splitlines()[0]
    assert "| humaneval base |" in markdown


def test_a_name_may_be_anything(tmp_path: Path) -> None:
    counts = {f"<t>&\x01|{i}": (1, 1) for i in range(30)}
    worse = dict.fromkeys(counts, (1, 0))
    paths = [
        str(write(tmp_path, record(each, model=f"m|<{name}>")))
        for name, each in (("a", counts), ("b", worse))
    ]
    out = tmp_path / "gate.xml"
    command = ["gate", "--baseline", paths[0], "--candidate", paths[1], "--junit", str(out)]
    assert cli.main(command) == 10
    (case,) = ElementTree.parse(out).getroot()
    assert "<t>&?|0" in str(case.findtext("failure"))


def test_a_report_that_cannot_be_written_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(write(tmp_path, record(greedy("10"))))
    blocked = tmp_path / "file" / "gate.json"
    (tmp_path / "file").write_text("")
    same = ["gate", "--baseline", path, "--candidate", path]
    assert cli.main([*same, "--json", str(blocked)]) == 6
    assert "cannot be written" in capsys.readouterr().err


def test_exit_statuses_collide_with_no_other(repo_root: Path) -> None:
    taken = {0, 1, 2, 3, 4, 5, 6, 70, 130, 141, 143}
    assert EXIT_STATUS[Answer.PASS] == 0
    assert not taken & {EXIT_STATUS[Answer.REGRESSION], EXIT_STATUS[Answer.INCONCLUSIVE]}
    readme = (repo_root / "README.md").read_text()
    for answer in (Answer.REGRESSION, Answer.INCONCLUSIVE):
        assert f"| {EXIT_STATUS[answer]} | `gate`, " in readme


def steadiness(right: int, tasks: int = 200) -> dict[str, tuple[int, int]]:
    """Counts of tasks with four samples: half of the tasks all right, half with so many right."""
    return {f"t/{i}": (4, 4 if i % 2 else right) for i in range(tasks)}


def test_a_gate_on_pass_hat_k_sees_what_a_gate_on_pass_at_k_does_not(tmp_path: Path) -> None:
    path = tmp_path / "gate.toml"
    path.write_text('metric = "pass^4"\nmargin = 0.03\n')
    pair = Pair(stored(record(steadiness(4))), stored(record(steadiness(3))))
    decision = decide([pair], read_policy(path))
    assert decision.answer is Answer.REGRESSION
    assert "by 50.0 points" in decision.why
    assert decision.findings[0].comparison.metric == "pass^4"
    solved = decide([pair], Policy(metric="solved", margin=0.03))
    assert (solved.answer, solved.findings[0].drop) == (Answer.PASS, 0)
    assert "pass^4" in as_text(decision, ("a", "b"))


def test_the_command_lines_metric_replaces_k_and_metric_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "gate.toml"
    path.write_text("k = 5\n")
    assert str(read_policy(path).compared) == "pass@5"
    assert str(overridden(read_policy(path), metric="pass^5").compared) == "pass^5"
    assert str(overridden(read_policy(path), metric=None).compared) == "pass@5"
    assert str(Policy().compared) == "pass@1"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('metric = "pass^"', "there is no metric 'pass^'"),
        ('metric = "pass^4"\nk = 4', "two metrics: leave one of them out"),
        ("metric = 4", "metric"),
    ],
)
def test_a_policys_metric_is_one_that_there_is(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "gate.toml"
    path.write_text(text)
    with pytest.raises(UsageError) as error:
        read_policy(path)
    assert words in str(error.value)
    assert str(path) in str(error.value)


def test_a_gate_without_the_samples_for_its_metric_says_so_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sides = [write(tmp_path / n, record(steadiness(3), model=f"a/{n}")) for n in ("one", "two")]
    before = [path.read_bytes() for path in sides]
    given = ["gate", "--baseline", str(sides[0]), "--candidate", str(sides[1])]
    report = tmp_path / "gate.json"
    assert cli.main([*given, "--metric", "pass^4", "--margin", "0.2", "--json", str(report)]) == 0
    assert json.loads(report.read_text())["policy"]["metric"] == "pass^4"
    report.unlink()
    capsys.readouterr()
    assert cli.main([*given, "--metric", "pass^8", "--json", str(report)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "pass^8 needs at least 8 samples per task, and there are 4" in line
    assert not report.exists()
    assert [path.read_bytes() for path in sides] == before


def test_early_stopping_decides_by_pass_at_1_only() -> None:
    content = record(steadiness(3))
    with pytest.raises(UsageError, match=r"decides by pass@1, and the policy's metric is pass\^4"):
        StopEarly(stored(content), stored(content).record, Policy(metric="pass^4"), 1)


def test_a_folder_with_several_checkpoints_is_gated_by_the_models_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for model, bits in (
        ("base", "1" * 100),
        ("ckpts/step-10", "0" * 100),
        ("b/step-20", "1" * 100),
    ):
        write(tmp_path, record(greedy(bits), model=model))
    command = ["gate", "--baseline", str(tmp_path), "--baseline-model", "base"]
    command += ["--candidate", str(tmp_path), "--margin", "0.05"]
    assert cli.main(command) == 2
    assert "name one of them with --candidate-model NAME" in capsys.readouterr().err
    assert cli.main([*command, "--candidate-model", "step-10"]) == 10
    assert cli.main([*command, "--candidate-model", "B/STEP-20"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert cli.main([*command, "--candidate-model", "step-11"]) == 2
    assert "--candidate-model: there is no record of the model" in capsys.readouterr().err
    write(tmp_path, record(greedy("1" * 100), model="other/step-20"))
    assert cli.main([*command, "--candidate-model", "step-20"]) == 2
    assert "may be b/step-20 or other/step-20: name one of them in full" in capsys.readouterr().err
