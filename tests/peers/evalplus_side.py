"""Run by EvalPlus's own Python: its `codegen` with the backend hf, greedy, in float32.

JOB, the argument, is JSON: `model` (folder), `model_type`, `task` ("humaneval" or "mbpp"), `rows`
(the data file, with the tasks to answer and no others), `max_tokens`, `output` (JSON Lines) and
`as_published`. Unless that is set, the strings at which the answers to earlier tasks had to stop
are forgotten: EvalPlus looks for them from the length of the earlier prompt on, and so finds them
in a longer prompt and ends its answer after one token.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any


def main(job: dict[str, Any]) -> None:
    os.environ[f"{job['task'].upper()}_OVERRIDE_PATH"] = job["rows"]
    from evalplus import codegen
    from evalplus.provider import hf

    prompts: list[str] = []
    texts: list[str] = []

    class Decoder(hf.HuggingFaceDecoder):  # type: ignore[misc]
        def __init__(self, name: str, **options: Any) -> None:
            super().__init__(name, **options, max_new_tokens=job["max_tokens"])

        def codegen(self, prompt: str, **options: Any) -> Any:
            if not job["as_published"]:
                self.model.__dict__.pop("_get_stopping_criteria", None)
            answers = super().codegen(prompt, **options)
            if self.is_direct_completion():
                prompts.append(prompt)
            else:
                given = (self.instruction_prefix, self.response_prefix, self.tokenizer)
                prompts.append(hf.make_raw_chat_prompt(prompt, *given))
            texts.extend(answers)
            return answers

    hf.HuggingFaceDecoder = Decoder
    with tempfile.TemporaryDirectory() as root:
        target = codegen.run_codegen(
            job["model"],
            job["task"],
            root=root,
            greedy=True,
            bs=1,
            backend="hf",
            dtype="float32",
            force_base_prompt=job["model_type"] == "base",
        )
        sanitized = [json.loads(line) for line in Path(target).read_text().splitlines()]
    with open(job["output"], "w") as file:
        for prompt, text, row in zip(prompts, texts, sanitized, strict=True):
            found = {"task_id": row["task_id"], "program": row["solution"]}
            file.write(json.dumps({**found, "prompt": prompt, "text": text}) + "\n")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
