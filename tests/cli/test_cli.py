"""The command line: what it refuses, what it prints, and with which exit status."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import types
from collections.abc import Sequence
from pathlib import Path

import pytest

from opencodeeval.backends import parse_chat_template_args
from opencodeeval.benchmarks.registry import load_benchmark
from opencodeeval.cli import main as cli
from opencodeeval.cli.commands import COMMANDS, Command
from opencodeeval.cli.options import parse_ks, parse_names
from opencodeeval.cli.sampling import parse_stop, read_system_prompt
from opencodeeval.core.errors import UsageError
from opencodeeval.core.types import Grade, Sampling
from opencodeeval.runs.doctor import Finding, report, usable
from opencodeeval.runs.observers import GradedSample
from opencodeeval.runs.options import SamplingOptions
from opencodeeval.runs.progress import Lines

HEAVY = (
    *("numpy", "tqdm", "jinja2", "datasets", "evalplus", "docker", "torch", "transformers"),
    *("requests", "shtab"),
)
REFERENCE = ("--backend", "reference", "--bench", "starter", "--sandbox", "local")


def opencodeeval(
    *arguments: str, cwd: Path | None = None, timeout: float = 200, stdout: int = subprocess.PIPE
) -> subprocess.CompletedProcess[str]:
    """The real command in a process of its own."""
    root = Path(__file__).resolve().parents[2]
    return subprocess.run(
        [sys.executable, "-m", "opencodeeval", *arguments],
        env={**os.environ, "PYTHONPATH": str(root)},
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=timeout,
    )


def refused(capsys: pytest.CaptureFixture[str], arguments: Sequence[str]) -> str:
    """The one line with which a command line is refused, exit status 2."""
    assert cli.main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("opencodeeval: error: ")
    assert printed.err.count("\n") == 1
    return printed.err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["evaluate"], "available: run, grade"),
        (["gaet", "--baseline", "a"], "there is no command 'gaet'; did you mean gate?"),
        (["--model", "m"], "add --bench NAME"),
        (["--bench", ","], "add --bench NAME"),
        (["--bench", "starter"], "add --model"),
        (["--bench", "starter", "--modle", "m"], "no option --modle; did you mean --model?"),
        (["--bench", "starter", "--n", "many"], "invalid int value: 'many'"),
        (["--bench", "starter", "--backend", "magic"], "no backend 'magic'; available: "),
        (["grade", "absent.jsonl", "--bench", "starter"], "absent.jsonl does not exist"),
        (["grade", "absent.jsonl"], "required: --bench"),
        (["grade", "absent.jsonl", "--bnech", "starter"], "did you mean --bench?"),
        (["--bench", "starter", "-n", "5"], "no option -n; did you mean --n?"),
        (["data", "fetch", "all", "--dta", "x"], "did you mean --data?"),
        (
            ["--bench", "starter", "--protocol", "opencodeeval-startr", "--backend", "reference"],
            "did you mean",
        ),
        (["--bench", "@functoins", "--model", "m"], "did you mean functions?"),
        (["grade", "README.md", "--bench", "@functions"], "@functions is a group of benchmarks"),
        (["grade", "x", "--bench", "starter", "--format", "csv"], "invalid choice: 'csv'"),
        (["export", "absent"], "required: --format"),
        (["export", "absent", "--format", "evalplus"], "absent does not exist"),
        (["data"], "required: list|fetch|verify"),
        (["data", "fetch", "all"], "required: --data"),
        (["data", "verify", "humanevil", "--data", "."], "there is no benchmark 'humanevil'"),
        ([*REFERENCE, "--limit", "0"], "--limit 0"),
        ([*REFERENCE, "--slots", "0"], "--slots 0"),
        ([*REFERENCE, "--k", "0"], "--k 0"),
        ([*REFERENCE, "--k", "1,x"], "--k 1,x"),
        ([*REFERENCE, "--top-k", "1.5"], "invalid int value: '1.5'"),
        ([*REFERENCE, "--stop", ""], "--stop is empty"),
        ([*REFERENCE, "--stop", r"\d"], r"--stop \d: \d is not an escape"),
        ([*REFERENCE, "--system-prompt", " "], "has no text"),
        ([*REFERENCE, "--prompt-suffix", r"\d"], r"--prompt-suffix \d: \d is not an escape"),
        (
            [*REFERENCE, "--prompt-template", "absent"],
            "--prompt-template absent cannot be read (No",
        ),
        ([*REFERENCE, "--prompt-template", "/dev/null"], "--prompt-template /dev/null is empty"),
        ([*REFERENCE, "--time-limit", "soon"], "invalid float value: 'soon'"),
        ([*REFERENCE, "--system-prompt", "@absent"], "--system-prompt @absent cannot be read (No"),
        ([*REFERENCE, "--chat-template-arg", "thinking"], "not of the form key=value"),
        ([*REFERENCE, "--reasoning-effort", "huge"], "invalid choice: 'huge'"),
        ([*REFERENCE, "--generation-config", "mine"], "invalid choice: 'mine'"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str], complaint: str
) -> None:
    assert complaint in refused(capsys, arguments)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--n", "0"], "n (samples per task) must be at least 1, got 0"),
        (["--n", "5"], "greedy decoding gives the same sample 5 times"),
        (["--temperature", "-1"], "temperature must be 0 (greedy) or above, got -1.0"),
        (["--temperature", "nan"], "got nan"),
        (["--top-p", "0"], "top-p must be above 0 and at most 1, got 0.0"),
        (["--top-p", "1.5"], "got 1.5"),
        (["--max-tokens", "0"], "max-tokens must be at least 1, got 0"),
        (["--k", "2"], "pass@2 needs at least 2 samples"),
        (["--top-k", "-1"], "top-k must be 0 (all tokens) or above, got -1"),
        (["--min-p", "1.5"], "min-p must be between 0 and 1, got 1.5"),
        (["--min-p", "nan"], "min-p must be between 0 and 1, got nan"),
        (["--repetition-penalty", "0"], "repetition penalty must be above 0, got 0.0"),
        (["--repetition-penalty", "inf"], "repetition penalty must be above 0, got inf"),
        (["--presence-penalty", "3"], "presence penalty must be between -2 and 2, got 3.0"),
        (["--frequency-penalty=-3"], "frequency penalty must be between -2 and 2, got -3.0"),
        (["--chat-template-arg", "tokenize=true"], "'tokenize' is set by opencodeeval itself"),
        (
            ["--reasoning-effort", "low", "--chat-template-arg", "reasoning_effort=low"],
            "given as a chat-template argument too",
        ),
        (["--thinking-budget", "0"], "the thinking budget must be at least 1 token, got 0"),
        (["--thinking-budget", "512"], "leaves nothing of max-tokens 512 for the answer"),
        (["--time-limit", "0"], "--time-limit 0: must be above 0 seconds"),
        (["--time-limit", "inf"], "--time-limit inf: must be above 0 seconds"),
        (["--prompt-template", "README.md"], "the prompt template asks the same for every task"),
        (["--bench", "no_such_bench"], "no_such_bench"),
        (["--protocol", "no-such-protocol"], "no-such-protocol"),
    ],
)
def test_what_does_not_suit_the_benchmark_is_refused_in_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: list[str], complaint: str
) -> None:
    given = [*REFERENCE, "--output", str(tmp_path / "out"), *arguments]
    assert complaint in refused(capsys, given)
    assert not (tmp_path / "out").exists()


def test_the_benchmarks_sampling_holds_where_nothing_else_is_asked_for() -> None:
    own = Sampling(n=10, temperature=0.2, top_p=0.95, max_tokens=2000, seed=7)
    assert SamplingOptions().applied(own) == own
    asked = SamplingOptions(n=2, temperature=0.5, top_p=1.0, max_tokens=10, seed=0)
    assert asked.applied(own) == Sampling(2, 0.5, 1.0, 10, 0)


@pytest.mark.parametrize(
    "changed", [("--system-prompt", "Be brief."), ("--chat-template-arg", "a=1")]
)
def test_a_base_model_is_not_asked_as_a_chat_model(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, changed: tuple[str, str]
) -> None:
    assert cli.main([*REFERENCE, "--quiet", "--output", str(tmp_path), *changed]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"opencodeeval: error: {changed[0]} is for chat models")
    assert said.count("\n") == 1
    assert not list((tmp_path / "runs").iterdir())


def test_stop_strings_system_prompts_and_template_arguments_as_they_are_typed(
    tmp_path: Path,
) -> None:
    assert parse_stop(r"\n\tdef a\\n") == "\n\tdef a\\n"
    (tmp_path / "system.txt").write_text("Line 1\nLine 2\n")
    assert read_system_prompt(f"@{tmp_path / 'system.txt'}") == "Line 1\nLine 2"
    assert read_system_prompt("Be brief.") == "Be brief."
    typed = ("enable_thinking=false", "date_string=2024-07-26", "a=b=c", "n=3", "on=True")
    assert parse_chat_template_args(typed) == {
        "enable_thinking": False,
        "date_string": "2024-07-26",
        "a": "b=c",
        "n": 3,
        "on": True,
    }


def test_asking_for_greedy_means_one_sample() -> None:
    own = Sampling(n=10, temperature=0.2)
    assert SamplingOptions(temperature=0).applied(own).n == 1
    with pytest.raises(UsageError, match="greedy"):
        SamplingOptions(n=10, temperature=0).applied(own)


def test_k_is_one_ten_and_a_hundred_up_to_n_unless_named() -> None:
    assert SamplingOptions().resolved_ks(1) == [1]
    assert SamplingOptions().resolved_ks(10) == [1, 10]
    assert SamplingOptions().resolved_ks(200) == [1, 10, 100]
    assert SamplingOptions(ks=parse_ks("5, 1,5")).resolved_ks(5) == [1, 5]


def test_further_metrics_come_after_pass_at_k_and_need_their_samples() -> None:
    starter = load_benchmark("starter")
    cruxeval = types.SimpleNamespace(name="cruxeval_output", has_answers=True)
    chosen = SamplingOptions(metrics=parse_names("solved, pass^4"))
    assert list(map(str, chosen.metrics_of(starter, 10))) == [
        "pass@1",
        "pass@10",
        "pass^4",
        "solved",
    ]
    with pytest.raises(UsageError, match=r"pass\^4 needs at least 4 samples per task"):
        chosen.metrics_of(starter, 3)
    agreeing = SamplingOptions(metrics=["consistency"])
    assert str(agreeing.metrics_of(cruxeval, 2)[-1]) == "consistency"  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="starter has programs"):
        agreeing.metrics_of(starter, 10)
    with pytest.raises(UsageError, match="at least 2 samples"):
        agreeing.metrics_of(cruxeval, 1)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--metrics", "pass^4"), "pass^4 needs at least 4 samples per task, and there are 1"),
        (("--metrics", "pass-4"), "there is no metric 'pass-4': name one like"),
        (("--metrics", ","), "--metrics names none"),
        (("--metrics", "consistency"), "consistency needs answers to agree on"),
    ],
)
def test_a_metric_that_a_run_cannot_have_is_refused_before_it_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, str], words: str
) -> None:
    assert cli.main([*REFERENCE, *options, "--output", str(tmp_path / "out")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line
    assert not (tmp_path / "out").exists()


def test_help_and_version_load_nothing_heavy() -> None:
    script = f"""
import sys
from opencodeeval.cli.commands import COMMANDS
from opencodeeval.cli.main import main
for command in COMMANDS:
    assert main([command, "--help"]) == 0, command
assert main(["--help"]) == main(["--version"]) == 0
print(sorted(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr)
"""
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=root, timeout=60
    )
    assert done.stderr == "[]\n"
    assert "look at results:" in done.stdout


@pytest.fixture(scope="module")
def bash_completion(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The script for bash, in a file."""
    done = opencodeeval("completion", "bash")
    assert done.returncode == 0, done.stderr
    path = tmp_path_factory.mktemp("completion") / "opencodeeval.bash"
    path.write_text(done.stdout)
    return path


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["contam"], {"contamination"}),
        (["--ben"], {"--bench"}),
        (["--model", "m", "--early"], {"--early-stop"}),
        (["data", ""], {"list", "fetch", "verify"}),
        (["data", "fetch", "--da"], {"--data"}),
        (["watch", "folder", "--order", ""], {"newest", "oldest"}),
        (["data", "list", "--data", "fol"], {"folder"}),
        (["grade", "fol"], {"folder", "folder.jsonl"}),
        (["--bench", "humaneval_"], {"humaneval_plus"}),
        (["grade", "x", "--bench", "mbpp,humaneval_"], {"mbpp,humaneval_plus"}),
        (["selfcheck", "bigcodebench_"], {"bigcodebench_hard"}),
        (["data", "fetch", "al"], {"all"}),
        (["--protocol", "human-"], {"human-eval"}),
        (["--sandbox", "lo"], {"local"}),
        (["--backend", "vl"], {"vllm"}),
        (["benchmarks", "starte"], {"starter"}),
        (["sandbox", "build", "mc"], {"mceval"}),
        (["watch", "folder", "--tracker", "wa"], {"wandb"}),
        (["show", "fol"], {"folder", "folder.jsonl"}),
    ],
)
def test_bash_completes_commands_options_choices_names_and_files(
    bash_completion: Path, tmp_path: Path, words: list[str], offered: set[str]
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder.jsonl").write_text("")
    # As bash does when the tab key is pressed after the last word.
    script = r"""
source <(cat "$1"); shift
set -- opencodeeval "$@"
[[ $(complete -p opencodeeval) =~ -F\ ([^ ]+) ]] || exit 1
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
${BASH_REMATCH[1]}
printf '%s\n' "${COMPREPLY[@]}"
"""
    command = ["bash", "--norc", "-c", script, "bash", str(bash_completion), *words]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=200)
    assert done.stderr == ""
    assert set(done.stdout.split()) == offered


def test_zsh_is_given_a_script_that_knows_every_command() -> None:
    script = opencodeeval("completion", "zsh").stdout
    assert script.startswith("#compdef opencodeeval\n")
    assert all(f"    {name}:'" in script for name in COMMANDS)


# Presses the tab key in a zsh of its own and waits for what that writes.
PRESS_TAB = r"""
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z "PS1=READY\>; fpath=($1 \$fpath); autoload -U compinit; compinit -u -D"
zpty -r z out '*READY>*'
zpty -w -n z "opencodeeval $2"$'\t'
zpty -r z out "*$3*" && print -r -- "$out"
zpty -d z
"""


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("contam", "contamination"),
        ("--bench mbpp,cruxeval_i", "mbpp,cruxeval_input"),
        ("selfcheck bigcodebench_", "bigcodebench_hard"),
        ("--early", "--early-stop"),
    ],
)
def test_zsh_completes_commands_options_and_names(
    tmp_path: Path, line: str, completed: str
) -> None:
    (tmp_path / "_opencodeeval").write_text(opencodeeval("completion", "zsh").stdout)
    command = ["zsh", "-f", "-c", PRESS_TAB, "zsh", str(tmp_path), line, completed]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
    )
    assert completed in done.stdout, done.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["benchmarks"], ["--version"]])
def test_a_reader_that_goes_away_causes_no_complaint(arguments: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = opencodeeval(*arguments, stdout=writer)
    finally:
        os.close(writer)
    assert done.stderr == ""
    assert done.returncode in (0, cli.EXIT_BROKEN_PIPE)


def test_an_unexpected_error_keeps_its_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = types.ModuleType("broken_command")

    def execute(options: object) -> int:
        raise ZeroDivisionError("a bug")

    broken.__dict__.update(add_arguments=lambda parser: None, execute=execute)
    monkeypatch.setitem(sys.modules, "broken_command", broken)
    monkeypatch.setitem(COMMANDS, "broken", Command("broken_command", "fails"))
    assert cli.main(["broken"]) == cli.EXIT_UNEXPECTED
    printed = capsys.readouterr().err
    assert "Traceback" in printed
    assert "ZeroDivisionError: a bug" in printed


def test_lines_come_now_and_then_and_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    lines = Lines(clock=lambda: now[0])
    lines.start("starter", 3)
    lines.generated()
    lines.graded(GradedSample(Grade("t/0", 0, {}), True))
    assert capsys.readouterr().err == ""
    now[0] = 11.0
    lines.generated()
    assert capsys.readouterr().err == "starter: 2/3 generated, 1/3 graded, pass@1 100.0%\n"
    lines.graded(GradedSample(Grade("t/1", 0, {}), False))
    lines.finish()
    assert capsys.readouterr().err == "starter: 2/3 generated, 2/3 graded, pass@1 50.0%\n"
    lines.finish()
    assert capsys.readouterr().err == ""


def test_a_machine_is_ready_with_one_backend_and_one_sandbox() -> None:
    engine = Finding("vLLM", True, "0.32", role="backend")
    jail = Finding("bubblewrap", True, "works", role="sandbox")
    no_jail = Finding("Docker engine", False, "no answer", "start dockerd", role="sandbox")
    assert usable([engine, no_jail, jail])
    assert not usable([engine, no_jail])
    assert not usable([jail])
    assert report([engine, no_jail]).splitlines() == [
        "ok       vLLM           0.32",
        "missing  Docker engine  no answer: start dockerd",
    ]
    languages = [
        Finding(f"env {name}", name != "c", "v", "install it", environment="env")
        for name in ("a", "b", "c")
    ]
    lines = report([engine, *languages]).splitlines()
    assert lines[:2] == ["ok       vLLM  0.32", "ok       env   2 of 3 languages: a, b"]
    assert lines[2].startswith("missing  env   1 of 3 languages: c: optional, for --sandbox local;")
    assert max(map(len, lines)) <= 80


def test_doctor_says_what_is_there() -> None:
    done = opencodeeval("doctor", "--json")
    told = json.loads(done.stdout)
    assert done.returncode == (0 if told["ok"] else 1)
    names = {finding["name"] for finding in told["findings"]}
    assert {
        "machine",
        "GPU",
        "vLLM",
        "transformers",
        "Docker engine",
        "local jail",
        "output",
    } <= names
    assert all(finding["ok"] or finding["remedy"] for finding in told["findings"])


def test_the_references_pass_everything(tmp_path: Path) -> None:
    done = opencodeeval(*REFERENCE, "--json", "--output", str(tmp_path))
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["model"] == "reference"
    (part,) = summary["benchmarks"]
    assert (part["benchmark"], part["tasks"], part["samples"]) == ("starter", 24, 24)
    assert part["pass@k"][part["headline"]]["pass@1"]["value"] == 1.0
    assert part["pass@k"][part["headline"]]["pass@1"]["low"] < 1.0
    assert part["verdicts"][part["headline"]] == {"passed": 24}
    assert part["sandbox"]["jail"] == "local"
    record = json.loads(Path(part["record"]).read_text())
    assert record["pass@k"] == part["pass@k"]
    assert record["benchmark"]["integrity"] == {"forge-proof": 20, "hardened": 4}
    assert Path(part["run_folder"]).is_relative_to(tmp_path / "runs")
    assert "24/24 graded, pass@1 100.0%" in done.stderr


def test_the_table_goes_to_stdout_and_quiet_means_quiet(tmp_path: Path) -> None:
    done = opencodeeval(*REFERENCE, "--limit", "2", "--quiet", "--output", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "100.0" in done.stdout
    assert "2 passed" in done.stdout
    assert str(tmp_path / "starter") in done.stdout


def test_graded_samples_end_in_a_record_that_names_the_file(tmp_path: Path) -> None:
    done = opencodeeval(*REFERENCE, "--limit", "3", "--json", "--output", str(tmp_path))
    folder = Path(json.loads(done.stdout)["benchmarks"][0]["run_folder"])
    rows = [json.loads(line) for line in (folder / "programs.jsonl").read_text().splitlines()]
    samples = tmp_path / "their-model.jsonl"
    good = [{"task_id": row["task_id"], "solution": row["code"]} for row in rows]
    bad = [{"task_id": row["task_id"], "solution": "x = 1\n"} for row in rows]
    samples.write_text("".join(json.dumps(row) + "\n" for row in good + bad))
    arguments = ("--bench", "starter", "--limit", "3", "--sandbox", "local", "--k", "1,2")
    graded = opencodeeval(
        "grade", str(samples), *arguments, "--json", "--output", str(tmp_path), cwd=tmp_path
    )
    assert graded.returncode == 0, graded.stderr
    summary = json.loads(graded.stdout)
    assert "their-model.jsonl: EvalPlus solutions, 6 samples of 3 tasks\n" in graded.stderr
    assert summary["model"] == "their-model"
    part = summary["benchmarks"][0]
    scores = part["pass@k"][part["headline"]]
    assert scores["pass@1"]["value"] == pytest.approx(0.5)
    assert scores["pass@2"]["value"] == 1.0
    record = json.loads(Path(part["record"]).read_text())
    assert len(record["model"]["identity"]["samples_sha256"]) == 64
    assert record["sampling"] == {"n": 2}


def test_an_output_that_cannot_be_written_is_told_before_anything_is_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = opencodeeval(*REFERENCE, "--output", str(tmp_path / "file"))
    assert done.returncode == 6
    assert done.stderr.count("\n") == 1
    assert "not a directory" in done.stderr
