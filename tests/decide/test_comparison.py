"""Comparing records: what is paired, what is refused, and what is printed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from opencodeeval.cli import main as cli
from opencodeeval.core.errors import UsageError
from opencodeeval.decide.comparison import compare, compare_all
from opencodeeval.records.comparable import Pair, pair_up
from opencodeeval.records.reading import StoredRecord
from opencodeeval.stats.metrics import CONSISTENCY, SOLVED, parse_metric, pass_at
from tests.support.records import greedy, record, stored, write


def pair(before: str, after: str) -> Pair:
    return Pair(stored(record(greedy(before))), stored(record(greedy(after), model="other/model")))


def test_flips_both_ways_are_listed() -> None:
    found = compare(pair("1100110", "1010010"))
    assert [flip.task_id for flip in found.lost] == ["t/1", "t/4"]
    assert [flip.task_id for flip in found.gained] == ["t/2"]
    assert found.baseline == pytest.approx(4 / 7)
    assert found.candidate == pytest.approx(3 / 7)
    assert found.difference.value == pytest.approx(-1 / 7)
    assert found.p_values.either == 1.0
    assert found.test == "exact McNemar"


def test_left_out_tasks_do_not_count() -> None:
    found = compare(pair("1100", "0100"), left_out={"t/0", "elsewhere"})
    assert (found.tasks, found.lost, found.left_out) == (3, (), ("t/0",))
    with pytest.raises(UsageError, match="no task"):
        compare(pair("1", "0"), left_out={"t/0"})


def test_several_samples_are_compared_by_permutation() -> None:
    before = stored(record({"a": (10, 9), "b": (10, 5)}))
    after = stored(record({"a": (10, 6), "b": (10, 6)}))
    found = compare(Pair(before, after))
    assert found.test == "exact sign-flip permutation"
    assert [flip.task_id for flip in found.lost] == ["a"]
    assert compare(Pair(before, after), pass_at(2)[0]).metric == "pass@2"
    with pytest.raises(UsageError, match="pass@11"):
        compare(Pair(before, after), pass_at(11)[0])


def test_several_benchmarks_have_an_overall_mean() -> None:
    pairs = [pair("1100", "0100"), Pair(*(stored(record(greedy("1111"))),) * 2)]
    *_, overall = compare_all(pairs)
    assert overall.benchmark == "overall"
    assert overall.difference.value == pytest.approx(-0.125)
    assert len(compare_all(pairs[:1])) == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"benchmark": {"data_digest": "f" * 64}},
            "data \\(their digest\\) .* against ffffffffffff",
        ),
        ({"benchmark": {"data_version": "v2"}}, "data version v1 against v2"),
        ({"protocol": {"name": "other"}}, "protocol plain against other"),
        ({"protocol": {"version": "2"}}, "version of the protocol 1 against 2"),
        ({"protocol": {"prompt_digest": "e" * 64}}, "prompts \\(their digest\\)"),
        ({"benchmark": {"description": {"limits": {}}}}, "limits of time and memory"),
    ],
)
def test_records_of_something_else_are_refused(changes: dict[str, Any], words: str) -> None:
    ours, theirs = stored(record(greedy("10"))), stored(record(greedy("10"), changes=changes))
    with pytest.raises(UsageError, match=f"cannot be compared, as they differ in .*{words}"):
        pair_up([ours], [theirs])


def test_runs_whose_prompts_were_changed_in_another_way_are_refused() -> None:
    def asked(mark: str) -> StoredRecord:
        changes = {"protocol": {"name": f"plain{mark}", "base": "plain" if mark else ""}}
        return stored(record(greedy("10"), changes=changes))

    for ours, theirs in (
        ("", "+system-prompt-11111111"),
        ("+stop-11111111", "+stop-22222222"),
        ("+time-limit-11111111", "+time-limit-22222222"),
    ):
        with pytest.raises(UsageError, match=r"differ in protocol plain.* against plain\+"):
            pair_up([asked(ours)], [asked(theirs)])
    pair_up([asked("+stop-11111111")], [asked("+stop-11111111")])


@pytest.mark.parametrize(
    ("changes", "remark"),
    [
        ({"top_k": 20}, "top-k: 0 in the baseline, 20 in the candidate"),
        ({"min_p": 0.1}, "min-p: 0.0 in the baseline, 0.1 in the candidate"),
        ({"repetition_penalty": 1.1}, "repetition penalty: 1.0 in the baseline, 1.1 in the"),
        ({"presence_penalty": 0.5}, "presence penalty: 0.0 in the baseline, 0.5 in the"),
        ({"frequency_penalty": 0.5}, "frequency penalty: 0.0 in the baseline, 0.5 in the"),
        ({"ignore_eos": True}, "ignore-eos: False in the baseline, True in the candidate"),
    ],
)
def test_other_sampling_is_compared_and_said(changes: dict[str, Any], remark: str) -> None:
    ours = stored(record(greedy("10")))
    theirs = stored(record(greedy("10"), changes={"sampling": changes}))
    (found,) = compare_all(pair_up([ours], [theirs]))
    assert [each for each in found.remarks if each.startswith(remark)] == list(found.remarks)
    assert len(found.remarks) == 1
    # Of samples from a file it is not known.
    file = record(greedy("10"))
    file["model"] = {**file["model"], "origin": "file"}
    file["sampling"] = {"n": 1}
    (found,) = compare_all(pair_up([stored(file)], [theirs]))
    assert len(found.remarks) == 1
    assert "samples from a file" in found.remarks[0]


def test_other_tasks_are_refused() -> None:
    with pytest.raises(UsageError, match="tasks: 1 only here, 0 only there"):
        pair_up([stored(record(greedy("101")))], [stored(record(greedy("10")))])


def test_a_model_of_another_type_is_asked_in_another_way_and_so_is_another_sampling() -> None:
    theirs = record(
        greedy("10"),
        changes={"sampling": {"temperature": 0.2}, "protocol": {"prompt_digest": "e" * 64}},
    )
    theirs["model_type"] = "base"
    (found,) = compare_all(pair_up([stored(record(greedy("10")))], [stored(theirs)]))
    assert found.remarks == (
        "model type: chat in the baseline, base in the candidate",
        "temperature: 0.0 in the baseline, 0.2 in the candidate",
    )


def test_each_side_is_one_record_a_benchmark_of_one_model() -> None:
    one = stored(record(greedy("10")))
    other = stored(record(greedy("10"), changes={"sampling": {"seed": 1}}), "y.json")
    with pytest.raises(UsageError, match=r"two records of humaneval@v1 \(x.json and y.json\)"):
        pair_up([one, other], [one])
    mbpp = stored(record(greedy("10"), model="b", benchmark="mbpp"))
    with pytest.raises(UsageError, match=r"different models.*--baseline-model NAME"):
        pair_up([one, mbpp], [one])
    # Of samples from files nothing but the name tells the model.
    of_file = [
        stored(
            record(greedy("10"), model=name, changes={"model": {"origin": "file"}}), f"{name}.json"
        )
        for name in "mn"
    ]
    with pytest.raises(UsageError, match=r"two records .* a model with --baseline-model NAME"):
        pair_up(of_file, [one])
    another = stored(record(greedy("10"), model="b"), "z.json")
    with pytest.raises(UsageError, match=r"different models.*--candidate-model NAME"):
        pair_up([one], [one, another])
    with pytest.raises(UsageError, match="the candidate has no record of humaneval"):
        pair_up([one], [mbpp])


def test_the_command_prints_a_table_or_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, benchmark in (("a", "humaneval"), ("a", "mbpp")):
        write(tmp_path / name, record(greedy("11110000"), benchmark=benchmark))
    for name, benchmark in (("b", "humaneval"), ("b", "mbpp"), ("b", "starter")):
        write(tmp_path / name, record(greedy("00111000"), model="b", benchmark=benchmark))
    assert cli.main(["compare", str(tmp_path / "a"), str(tmp_path / "b" / "*" / "*.json")]) == 0
    printed = capsys.readouterr()
    assert "starter is not compared" in printed.err
    assert "lost 2: t/0, t/1" in printed.out
    assert printed.out.count("-12.5") == 3
    assert cli.main(["compare", str(tmp_path / "a"), str(tmp_path / "b"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [each["benchmark"] for each in told["comparisons"]] == ["humaneval", "mbpp", "overall"]
    assert told["comparisons"][0]["lost"][0]["task"] == "t/0"


def test_the_published_samples_of_one_model_differ_from_the_reference_solutions(
    tmp_path: Path, shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Real records: published samples against the benchmark's own solutions."""
    samples = shared_data / "verdicts/wizardcoder-15b/humaneval_results.jsonl.gz"
    common = ("--bench", "humaneval", "--data", str(shared_data), "--sandbox", "local", "--quiet")
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    run = ["--backend", "reference", *common, "--output", str(ours)]
    assert cli.main(run) == 0
    assert cli.main(["grade", str(samples), *common, "--output", str(theirs)]) == 0
    capsys.readouterr()
    assert cli.main(["compare", str(ours), str(theirs), "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["comparisons"]
    assert found["baseline"] == 1.0
    assert len(found["lost"]) == round(164 * (1 - found["candidate"]))
    assert not found["gained"]
    assert "whether both models got the same prompts is not known" in found["remarks"][0]


def test_any_metric_is_compared_by_the_counts_that_records_have() -> None:
    before = stored(record({"a": (10, 10), "b": (10, 5), "c": (10, 10)}))
    after = stored(record({"a": (10, 9), "b": (10, 6), "c": (10, 10)}))
    found = compare(Pair(before, after), parse_metric("pass^5"))
    assert found.metric == "pass^5"
    assert found.baseline == pytest.approx((2 + 1 / 252) / 3)
    assert {flip.task_id: flip.difference for flip in (*found.lost, *found.gained)} == (
        pytest.approx({"a": -0.5, "b": 5 / 252})
    )
    assert [flip.task_id for flip in found.lost] == ["a"]
    assert found.difference.value == pytest.approx(found.candidate - found.baseline)
    # pass@1 has the same samples and no drop at all.
    assert compare(Pair(before, after)).difference.value == pytest.approx(0)
    with pytest.raises(UsageError, match=r"pass\^11 needs at least 11 samples per task"):
        compare(Pair(before, after), parse_metric("pass^11"))


@pytest.mark.parametrize(("sides", "side"), [((1, 4), "baseline"), ((4, 1), "candidate")])
def test_the_side_with_too_few_samples_is_named(sides: tuple[int, int], side: str) -> None:
    before, after = (stored(record({"a": (n, 1), "b": (n, 0)})) for n in sides)
    with pytest.raises(UsageError, match=f"needs at least 4 .*, and the {side} has 1: draw more"):
        compare(Pair(before, after), parse_metric("pass^4"))


def test_solved_tasks_are_compared_by_mcnemars_test_and_only_for_the_same_n() -> None:
    def solved(bits: str, n: int = 4) -> StoredRecord:
        return stored(record({f"t/{i}": (n, int(bit)) for i, bit in enumerate(bits)}))

    pair = Pair(solved("2141301"), solved("0010100"))
    found = compare(pair, SOLVED)
    flat = compare(Pair(solved("1111101", 1), solved("0010100", 1)))
    assert found.p_values == flat.p_values
    assert found.difference == flat.difference
    with pytest.raises(UsageError, match=r"t/0 has 4 in the baseline and 5 .* pass@4"):
        compare(Pair(solved("11"), solved("11", 5)), SOLVED)


def test_consistency_is_compared_where_both_records_have_answers() -> None:
    def consistent(*sizes: list[int]) -> StoredRecord:
        content = record({f"t/{i}": (4, 2) for i in range(len(sizes))})
        rows = zip(content["tasks"].items(), sizes, strict=True)
        return stored({**content, "tasks": {t: {**row, "answers": s} for (t, row), s in rows}})

    pair = Pair(consistent([4], [2, 2]), consistent([3, 1], [2, 2]))
    found = compare(pair, CONSISTENCY)
    assert (found.baseline, found.candidate) == pytest.approx(((1 + 1 / 3) / 2, (0.5 + 1 / 3) / 2))
    assert [flip.task_id for flip in found.lost] == ["t/0"]
    assert found.lost[0].difference == pytest.approx(-0.5)
    assert (found.lost[0].baseline, found.samples) == ((6, 6), 4)
    with pytest.raises(UsageError, match="consistency needs the answers"):
        compare(Pair(pair.baseline, stored(record({"t/0": (4, 2), "t/1": (4, 2)}))), CONSISTENCY)


def test_the_metric_is_an_option_and_what_cannot_be_compared_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    counts = {f"t/{i}": (4, 3) for i in range(9)}
    paths = [
        str(write(tmp_path / side, record(counts, model=f"a/{side}"))) for side in ("one", "two")
    ]
    assert cli.main(["compare", *paths, "--metric", "g-pass@4_0.5"]) == 0
    assert "base g-pass@4_0.5" in capsys.readouterr().out
    for options, words in {
        ("--metric", "pass^5"): "pass^5 needs at least 5 samples per task, and there are 4",
        ("--metric", "pass*5"): "there is no metric 'pass*5': name one like",
        ("--metric", "pass^2", "--k", "2"): "two metrics: leave one of them out",
    }.items():
        assert cli.main(["compare", *paths, *options]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert words in line
