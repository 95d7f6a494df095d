"""Score a model: generate, execute, and report pass@k with 95 % intervals.

Needed are --model (but for --backend reference) and --bench; every other
option has a default. An interrupted run continues when you repeat the command.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from opencodeeval.cli.gate import add_policy_options, check_needs_gate
from opencodeeval.cli.options import (
    Parser,
    add_bench_option,
    add_benchmark_options,
    add_executor_options,
    add_output_options,
    add_sandbox_options,
    check_common,
    comma_list,
    executor_of,
    output_of,
    sandbox_of,
    selection_of,
)
from opencodeeval.cli.sampling import add_sampling_options, sampling_of
from opencodeeval.core.errors import UsageError
from opencodeeval.runs.executors.options import ExecutorOptions
from opencodeeval.runs.options import SamplingOptions, SandboxOptions, Selection

if TYPE_CHECKING:
    from opencodeeval.backends import BackendOptions


USAGE = "opencodeeval [run] --model MODEL --bench BENCHMARKS [options]"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `run`."""
    parser.add_argument(
        "--model", help="a model folder, a model id on the hub, or a server's name for the model"
    )
    add_bench_option(parser)
    add_benchmark_options(parser)
    add_sampling_options(parser)
    _add_model_options(parser)
    _add_server_options(parser)
    _add_transformers_options(parser)
    _add_gate_options(parser)
    add_sandbox_options(parser)
    add_executor_options(parser)
    add_output_options(parser)


class Wanted(NamedTuple):
    """The options, as arguments of the service."""

    model: str
    specs: list[str]
    sampling: SamplingOptions
    selection: Selection
    backend_options: BackendOptions
    sandbox: SandboxOptions
    executor: ExecutorOptions


def wanted(options: argparse.Namespace) -> Wanted:
    """Check everything that needs neither data nor a model.

    Raises:
        UsageError: something cannot be carried out as written.
    """
    from opencodeeval.backends import BACKENDS, BackendOptions, check_adapters, parse_engine_args
    from opencodeeval.benchmarks.registry import check_spec, expanded

    check_common(options)
    check_needs_gate(options, ("early_stop",))
    specs = expanded([spec for text in options.bench for spec in comma_list(text)])
    if not specs:
        raise UsageError("no benchmark is named: add --bench NAME (see `opencodeeval benchmarks`)")
    for spec in specs:
        check_spec(spec)
    backend = BACKENDS.load(options.backend)
    if not options.model and backend.asks_model:
        raise UsageError("no model is named: add --model FOLDER_OR_HUB_ID")
    _check_server_options(options)
    _check_transformers_options(options)
    selection = selection_of(options)
    if options.gate and len(selection.protocols) > 1:
        raise UsageError("--gate compares under one protocol: name one with --protocol")
    if options.gate and options.shard:
        raise UsageError("--gate needs all tasks: gate the record that `opencodeeval merge` makes")
    if options.gate and len(options.lora) > 1:
        raise UsageError("--gate compares one model: give one --lora, or gate the records later")
    sampling = sampling_of(options)
    backend_options = BackendOptions(
        revision=options.revision,
        trust_remote_code=options.trust_remote_code,
        dtype=options.dtype,
        tensor_parallel_size=options.tensor_parallel_size,
        max_model_len=options.max_model_len,
        model_type=options.model_type,
        engine_args=parse_engine_args(options.engine_arg, options.backend),
        lora=tuple(options.lora),
        name=options.name.strip(),
        tokenizer=options.tokenizer,
        base_urls=tuple(options.base_url),
        api_key_env=options.api_key_env,
        request_timeout_s=options.request_timeout,
        max_concurrency=options.max_concurrency,
        samples_per_request=options.samples_per_request,
        device_map=options.device_map,
        batch_size=BackendOptions.batch_size if options.batch_size is None else options.batch_size,
    )
    check_adapters(options.backend, backend_options)
    model = str(options.model or options.backend)
    return Wanted(
        model,
        specs,
        sampling,
        selection,
        backend_options,
        sandbox_of(options),
        executor_of(options),
    )


def _check_server_options(options: argparse.Namespace) -> None:
    if options.base_url and options.backend == "vllm":
        raise UsageError("--base-url names a server: add --backend openai")
    if options.request_timeout <= 0:
        raise UsageError(f"--request-timeout {options.request_timeout:g}: must be above 0")
    if options.max_concurrency < 1:
        raise UsageError(f"--max-concurrency {options.max_concurrency}: must be at least 1")
    together = options.samples_per_request
    if together is not None and together < 1:
        raise UsageError(f"--samples-per-request {together}: must be at least 1")
    if together is not None and options.backend in ("vllm", "transformers", "reference"):
        raise UsageError(
            "--samples-per-request is for servers: leave it out (an engine in this process "
            "computes a task's prompt once, and each sample keeps its seed)"
        )


def _check_transformers_options(options: argparse.Namespace) -> None:
    if options.backend == "vllm" and options.batch_size is not None:
        raise UsageError("--batch-size is for transformers: use --engine-arg max_num_seqs=N")
    if options.backend == "vllm" and options.device_map:
        raise UsageError("--device-map is for transformers: use --tensor-parallel-size GPUS")
    if options.batch_size is not None and options.batch_size < 1:
        raise UsageError(f"--batch-size {options.batch_size}: must be at least 1")


def execute(options: argparse.Namespace) -> int:
    """Do the quick checks, then run."""
    model, specs, sampling, selection, backend_options, sandbox, executor = wanted(options)

    from opencodeeval.cli.run_gate import open_gate
    from opencodeeval.cli.summary import print_summary
    from opencodeeval.runs.generation_config import with_model_values
    from opencodeeval.runs.presets import with_preset
    from opencodeeval.runs.prices import read_prices
    from opencodeeval.runs.service import evaluate, plan_jobs

    prices = read_prices(options.prices, model) if options.prices else None
    gate = open_gate(options, len(specs)) if options.gate else None
    output = output_of(options)
    sampling, backend_options = with_preset(sampling, model, backend_options, output.log)
    sampling = with_model_values(sampling, model, backend_options, output.log)
    jobs = plan_jobs(specs, selection, sampling)
    benchmarks = [job.benchmark for job in jobs]
    if gate:
        gate.check(jobs)
    evaluation = evaluate(
        model,
        benchmarks,
        sampling=sampling,
        backend=options.backend,
        backend_options=backend_options,
        sandbox=sandbox,
        executor=executor,
        output=output,
        observers=gate.observers if gate else (),
    )
    print_summary(evaluation, options, gate.more(evaluation) if gate else None, prices)
    return gate.concluded(evaluation, options.json) if gate else 0


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """The options of `opencodeeval run` that another command was given for it.

    Raises:
        UsageError: an option does not exist, or its value is invalid.
    """
    parser = Parser(prog="opencodeeval run", allow_abbrev=False)
    add_arguments(parser)
    return parser.parse(arguments)


def _add_gate_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--gate", metavar="BASELINE", help="records to compare the result with")
    parser.add_argument(
        "--early-stop",
        action="store_true",
        help="end a benchmark as soon as the gate has its answer (docs/gates.md)",
    )
    add_policy_options(parser)


def _add_model_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("model and engine")
    group.add_argument(
        "--backend",
        metavar="NAME",
        default="vllm",
        help="vllm (default); transformers: for models that vLLM cannot load; openai: a server, "
        "see --base-url; litellm: Anthropic, Gemini and others; reference: run the benchmark's own "
        "solutions; or a backend from another package",
    )
    group.add_argument(
        "--model-type",
        choices=("auto", "base", "chat"),
        default="auto",
        help="how to prompt (default: chat if the tokenizer has a chat template)",
    )
    group.add_argument(
        "--lora",
        action="append",
        default=[],
        metavar="FOLDER_OR_HUB_ID",
        help="score the model with this LoRA adapter (owner/name@revision on the hub); repeatable, "
        "with one load (docs/vllm.md)",
    )
    group.add_argument("--name", default="", help="what to call the model in tables")
    group.add_argument(
        "--tokenizer", metavar="FOLDER_OR_HUB_ID", help="use it instead of the model's own"
    )
    group.add_argument("--revision", help="revision of the model on the hub")
    group.add_argument("--dtype", default="auto", help="like bfloat16 (default: the model's own)")
    group.add_argument(
        "--max-model-len",
        type=int,
        metavar="TOKENS",
        help="longest prompt and answer together (default: the model's context)",
    )
    group.add_argument(
        "--tensor-parallel-size",
        type=int,
        default=1,
        metavar="GPUS",
        help="GPUs that hold one copy of the model together (default: 1)",
    )
    group.add_argument(
        "--trust-remote-code", action="store_true", help="execute Python code of the model's folder"
    )
    group.add_argument(
        "--engine-arg",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="any other argument of the engine; repeatable",
    )


def _add_server_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("server (--backend openai)")
    group.add_argument(
        "--base-url",
        action="append",
        default=[],
        metavar="URL",
        help="a server with the OpenAI interface, like http://localhost:8000/v1; repeatable",
    )
    group.add_argument(
        "--api-key-env",
        metavar="NAME",
        help="environment variable that holds the key (default: OPENAI_API_KEY, if it is set)",
    )
    group.add_argument(
        "--request-timeout",
        type=float,
        default=600.0,
        metavar="SECONDS",
        help="longest time for one request (default: 600)",
    )
    group.add_argument(
        "--max-concurrency",
        type=int,
        default=64,
        metavar="N",
        help="most requests at once on each server (default: 64)",
    )
    group.add_argument(
        "--samples-per-request",
        type=int,
        metavar="N",
        help="samples of a task in one request at most (docs/servers.md; default: 20 on OpenAI's "
        "own service, else 1)",
    )
    group.add_argument(
        "--prices",
        type=Path,
        metavar="FILE",
        help="price list (TOML): the summary says what the samples cost (docs/servers.md)",
    )


def _add_transformers_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("transformers (--backend transformers)")
    group.add_argument(
        "--batch-size",
        type=int,
        metavar="N",
        help="answers at once (default: 16); halved when memory is too small",
    )
    group.add_argument(
        "--device-map",
        metavar="DEVICE",
        help="a device, like cuda:1 or cpu, or auto: several GPUs (default: the GPU, else the CPU)",
    )
