"""Run by BigCodeBench's own Python: its `generate` with the backend hf, greedy, in float32.

As `evalplus_side.py`; `task` is "complete" or "instruct", and the tasks are of the subset hard.
Of bigcodebench 0.2.5 are changed: its backend hf fails at once, as it gets an argument
`lora_path` that it has not, and has no setting for float32. Unless `as_published`, chat
answers begin with the sentence that its backend vllm puts there: hf passes another setting
in place of the one that asks for it.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any


def main(job: dict[str, Any]) -> None:
    os.environ["BIGCODEBENCH_OVERRIDE_PATH"] = job["rows"]
    from bigcodebench import generate  # type: ignore[import-not-found]
    from bigcodebench.provider import hf  # type: ignore[import-not-found]

    prompts: list[str] = []
    texts: list[str] = []
    make_prompt = hf.make_raw_chat_prompt

    def recorded(*given: Any) -> str:
        # The seventh is direct_completion, where prefill is due.
        prompt = str(make_prompt(*given) if job["as_published"] else make_prompt(*given[:6]))
        prompts.append(prompt)
        return prompt

    class Decoder(hf.HuggingFaceDecoder):  # type: ignore[misc]
        def __init__(self, lora_path: None, **options: Any) -> None:
            super().__init__(**options, dtype="float32")

        def codegen(self, given: list[str], **options: Any) -> Any:
            answers = super().codegen(given, **options)
            if self.is_direct_completion():
                prompts.extend(given)
            texts.extend(text for each in answers for text in each)
            return answers

    hf.make_raw_chat_prompt = recorded
    hf.HuggingFaceDecoder = Decoder
    with tempfile.TemporaryDirectory() as root:
        target = generate.run_codegen(
            job["model"],
            job["task"],
            "hard",
            root=root,
            # More share a batch, and see each other's padding: no attention mask is given.
            bs=1,
            greedy=True,
            max_new_tokens=job["max_tokens"],
            backend="hf",
            direct_completion=job["model_type"] == "base",
        )
        samples = [json.loads(line) for line in Path(target).read_text().splitlines()]
    with open(job["output"], "w") as file:
        for prompt, text, row in zip(prompts, texts, samples, strict=True):
            found = {"task_id": row["task_id"], "program": row["solution"]}
            file.write(json.dumps({**found, "prompt": prompt, "text": text}) + "\n")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
