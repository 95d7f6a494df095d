"""Run by lm-evaluation-harness's own Python: a task of it with the model hf, greedy, in float32.

As `evalplus_side.py`; `task` is its name of the task. Nothing is asked of the network:
`datasets.load_dataset` gives the rows of the file, and the metric code_eval, which it loads
from the hub though only answers are wanted, is a function that says 0. Unless `as_published`,
the answers to mbpp_instruct, which go on from an open fence and its line feed, get that line
feed before the code is looked for: without it, their first word is taken for the fence's label.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any


def main(job: dict[str, Any]) -> None:
    import datasets
    import evaluate  # type: ignore[import-not-found]

    lines = Path(job["rows"]).read_text().splitlines()
    rows = datasets.Dataset.from_list([json.loads(line) for line in lines])

    def load_dataset(*_: Any, **__: Any) -> Any:
        return datasets.DatasetDict({"test": rows})

    datasets.load_dataset = load_dataset
    evaluate.load = lambda name: SimpleNamespace(compute=lambda **_: [{"pass@1": 0.0}])

    import lm_eval  # type: ignore[import-not-found]
    from lm_eval.filters.custom import CustomFilter  # type: ignore[import-not-found]

    if not job["as_published"]:
        CustomFilter.apply = _with_line_feed(CustomFilter.apply)

    results = lm_eval.simple_evaluate(
        model="hf",
        model_args={"pretrained": job["model"], "dtype": "float32"},
        tasks=[job["task"]],
        batch_size=job["batch_size"],
        device="cpu",
        gen_kwargs={"max_gen_toks": job["max_tokens"]},
        predict_only=True,
        log_samples=True,
        apply_chat_template=job["model_type"] == "chat",
        confirm_run_unsafe_code=True,
    )
    with open(job["output"], "w") as file:
        for sample in results["samples"][job["task"]]:
            task_id = str(sample["doc"]["task_id"])
            arguments: Any = sample["arguments"]
            first = (
                arguments["gen_args_0"]["arg_0"] if "gen_args_0" in arguments else arguments[0][0]
            )
            found = {
                "task_id": task_id if "/" in task_id else f"Mbpp/{task_id}",
                "prompt": first,
                "text": sample["resps"][0][0],
                "program": _one(sample["filtered_resps"][0]),
            }
            file.write(json.dumps(found) + "\n")


def _with_line_feed(apply: Any) -> Any:
    def applied(self: Any, answers: Any, docs: Any) -> Any:
        if "extract_code_blocks" in self.filter_fn.__globals__:
            answers = [["\n" + each.removeprefix("\n") for each in some] for some in answers]
        return apply(self, answers, docs)

    return applied


def _one(response: Any) -> str:
    return str(response if isinstance(response, str) else response[0])


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
