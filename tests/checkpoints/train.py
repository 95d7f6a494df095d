"""Train the tiny checkpoints: `python tests/checkpoints/train.py [--kind KIND] [--out DIR]`.

Very small Llama models that have learnt most of the starter benchmark's
solutions by heart, saved early, in the middle and at the end, so that scores,
gates and watching can be tested on real models that load in a second. See
README.md for what each of them solves.
"""

from __future__ import annotations

import argparse
import copy
import json
import random
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.support.starter_plain import MAX_NEW_TOKENS, Row, head, question, rows

HERE = Path(__file__).resolve().parent
# Never trained on: the last checkpoints are good, not perfect.
HELD_OUT = {"starter/5", "starter/8", "starter/17", "starter/23"}
SAVE_AT = {"base": (96, 108, 300), "chat": (116, 124, 300)}
CONTEXT = 1024
VOCABULARY = 1024
BATCH = 5
LEARNING_RATE = 2e-3
WARMUP = 20
SEED = 7
BOS, EOS, PAD = "<|bos|>", "<|eos|>", "<|pad|>"
ROLES = ["<|system|>", "<|user|>", "<|assistant|>"]
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>\n' + message['content'] + eos_token + '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"
)


def answer(row: Row, kind: str) -> str:
    """What the model is to say after `question(row, kind)`."""
    if kind == "base":
        return str(row["canonical_solution"])
    opening = "This program solves it:" if row["style"] == "stdio" else "Here is the function:"
    return f"{opening}\n```python\n{head(row)}{row['canonical_solution']}```\n"


def make_tokenizer(kind: str) -> Any:
    """A byte-level BPE tokenizer, the same for both kinds but for the chat template."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[BOS, EOS, PAD, *ROLES],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    texts = [part(row, name) for name in SAVE_AT for row in rows() for part in (question, answer)]
    core.train_from_iterator(texts, trainer)
    core.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", pair=f"{BOS} $A $B", special_tokens=[(BOS, core.token_to_id(BOS))]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core,
        bos_token=BOS,
        eos_token=EOS,
        pad_token=PAD,
        additional_special_tokens=ROLES,
        model_max_length=CONTEXT,
        clean_up_tokenization_spaces=False,
    )
    if kind == "chat":
        tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def make_model(tokenizer: Any) -> Any:
    """About 0.6 million parameters; heads of 32, the least that vLLM's CPU attention takes."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=128,
        intermediate_size=256,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=4,
        head_dim=32,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return LlamaForCausalLM(config)


def examples(tokenizer: Any, kind: str) -> list[tuple[list[int], list[int]]]:
    """Token ids (question, answer and end) of the tasks that are trained on."""
    pairs = []
    for row in rows():
        if row["task_id"] in HELD_OUT:
            continue
        text = question(row, kind)
        if kind == "chat":
            turns = [{"role": "user", "content": text}]
            text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        asked = tokenizer.encode(text, add_special_tokens=kind == "base")
        said = tokenizer.encode(answer(row, kind), add_special_tokens=False)
        if len(said) >= MAX_NEW_TOKENS or len(asked) + len(said) >= CONTEXT:
            raise SystemExit(f"{row['task_id']} is too long: shorten its {kind} prompt or answer")
        pairs.append((asked, [*said, tokenizer.eos_token_id]))
    return pairs


def loss_of(model: Any, batch: list[tuple[list[int], list[int]]], pad: int) -> Any:
    """Mean cross-entropy of the answers' tokens; the questions carry no loss."""
    import torch

    width = max(len(asked) + len(said) for asked, said in batch)
    ids = torch.full((len(batch), width), pad)
    labels = torch.full((len(batch), width), -100)
    for i, (asked, said) in enumerate(batch):
        end = len(asked) + len(said)
        ids[i, :end] = torch.tensor(asked + said)
        labels[i, len(asked) : end] = torch.tensor(said)
    return model(input_ids=ids, labels=labels).loss


def save(model: Any, tokenizer: Any, folder: Path) -> None:
    """Weights in half precision; the model that is trained stays in single."""
    copy.deepcopy(model).half().save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)
    tokenizer.save_pretrained(folder)
    # Names that transformers 4 knows as well; 5 writes ones that only it reads.
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text())
    config["additional_special_tokens"] = config.pop("extra_special_tokens")
    config["tokenizer_class"] = "PreTrainedTokenizerFast"
    config.pop("backend")
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def train(kind: str, out: Path) -> None:
    import torch

    torch.manual_seed(SEED)
    torch.use_deterministic_algorithms(True)
    order = random.Random(SEED)
    tokenizer = make_tokenizer(kind)
    model = make_model(tokenizer)
    pairs = examples(tokenizer, kind)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=0.0)
    last = SAVE_AT[kind][-1]
    # Up to full speed, then evenly down to nothing: the last weights are settled.
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / WARMUP, 1 - step / last)
    )
    for step in range(1, last + 1):
        loss = loss_of(model, order.sample(pairs, BATCH), tokenizer.pad_token_id)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 20 == 0:
            print(f"{kind} step {step}: loss {loss.item():.4f}", flush=True)
        if step in SAVE_AT[kind]:
            save(model, tokenizer, out / f"starter-tiny-{kind}" / f"step-{step:04d}")


def main() -> None:
    import torch

    parser = argparse.ArgumentParser(description="Train the tiny checkpoints on the CPU.")
    parser.add_argument("--kind", choices=list(SAVE_AT), help="only this one (default: both)")
    parser.add_argument("--out", type=Path, default=HERE, help="folder to write to")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: 1)")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for kind in [options.kind] if options.kind else SAVE_AT:
        train(kind, options.out)


if __name__ == "__main__":
    main()
