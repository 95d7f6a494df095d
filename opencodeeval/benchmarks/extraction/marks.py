"""The marks that may stand around the code of an answer, but for Markdown's fences.

Marks around reasoning are in `core/reasoning_marks.py`.
"""

from __future__ import annotations

import re

# Opening and closing mark, and who writes them.
AROUND = (
    ("<answer>", "</answer>"),  # models trained with rewards for this format, Hunyuan
    ("<response>", "</response>"),  # ERNIE 4.5
    ("<solution>", "</solution>"),
    ("<SOLUTION>", "</SOLUTION>"),
    ("<|begin_of_solution|>", "<|end_of_solution|>"),  # Sky-T1, OpenThinker
    ("<|START_RESPONSE|>", "<|END_RESPONSE|>"),  # Command A
    ("<|begin_of_box|>", "<|end_of_box|>"),  # GLM-4.1V
    ("[BEGIN FINAL RESPONSE]", "[END FINAL RESPONSE]"),  # Apriel
    ("<code>", "</code>"),
    ("<pre>", "</pre>"),
    ("<python>", "</python>"),
    ("[PYTHON]", "[/PYTHON]"),  # Code Llama
    ("[CODE]", "[/CODE]"),
    ("[ANSWER]", "[/ANSWER]"),  # CRUXEval's prompts
    ("[BEGIN]", "[DONE]"),  # MBPP's prompts
)

# What ends an answer, or begins the next turn of the chat, where it comes as text.
ENDS = (
    "[DONE]",
    "<|endoftext|>",  # Qwen, Phi, StarCoder
    "<|im_end|>",
    "<|im_start|>",  # ChatML: Qwen, Yi, SmolLM
    "<|eot_id|>",
    "<|eom_id|>",
    "<|end_of_text|>",
    "<|start_header_id|>",  # Llama 3
    "<|eot|>",
    "<|header_start|>",  # Llama 4
    "</s>",  # Llama 2, Mistral
    "[INST]",
    "[/INST]",
    "<<SYS>>",
    "<eos>",
    "<end_of_turn>",
    "<start_of_turn>",  # Gemma
    "<turn|>",
    "<|turn>",  # Gemma 4
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<|start|>",  # gpt-oss, Phi
    "<|EOT|>",
    "<\uff5cend\u2581of\u2581sentence\uff5c>",
    "<\uff5cUser\uff5c>",
    "<|end\u2581of\u2581sentence|>",  # DeepSeek
    "<|END_OF_TURN_TOKEN|>",
    "<|START_OF_TURN_TOKEN|>",  # Command R
    "<|end_of_turn|>",
    "<|user|>",
    "<|observation|>",  # GLM, Zephyr
    "<|end_of_role|>",
    "<|start_of_role|>",  # Granite
    "<|role_end|>",  # Ling
    "<|im_sep|>",
    "<|eos|>",
    "<seed:eos>",
    "[EOS]",
    "[e~[",  # MiniMax
    "[|endofturn|]",  # EXAONE
    "[|user|]",
    "<|hy_Assistant|>",
    "<|fim_pad|>",
    "<|file_sep|>",
    "<file_sep>",
    "<|file_separator|>",  # models that complete code
)

# What may stand before an answer, of the prompt's last words.
BEGINS = (
    "<s>",
    "<bos>",
    "<|begin_of_text|>",
    "<\uff5cbegin\u2581of\u2581sentence\uff5c>",
    "<|startoftext|>",
    "<|assistant|>",
    "<\uff5cAssistant\uff5c>",
)


def pattern(marks: tuple[str, ...]) -> str:
    """A regular expression for any of the marks, the longest first."""
    return "|".join(re.escape(mark) for mark in sorted(marks, key=len, reverse=True))


OPENINGS = tuple(opening for opening, _ in AROUND)
CLOSINGS = tuple(closing for _, closing in AROUND)
