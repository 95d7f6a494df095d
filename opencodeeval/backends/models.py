"""Where a model's files are, and the digest that names them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opencodeeval.backends import hub
from opencodeeval.backends.layouts import models_below, shards_in
from opencodeeval.core.errors import BackendError
from opencodeeval.core.names import name_of_folder

_TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "vocab.json",
    "vocab.txt",
    "spiece.model",
    "tekken.json",
    "*.tiktoken",
)
GENERATION_CONFIG = "generation_config.json"
ADAPTER_CONFIG = "adapter_config.json"
_OTHER_FILES = (
    "config.json",
    GENERATION_CONFIG,
    "merges.txt",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.*",
    "*.py",
)
_WEIGHT_FILES = ("*.safetensors", "*.bin", "*.pt", "*.pth", "*.gguf")
# What trainers leave beside the weights: no part of the model.
_TRAINER_FILES = (
    *("training_args", "optimizer", "optim", "scheduler", "rng_state", "random_states", "scaler"),
    *("mp_rank_", "zero_pp_rank_", "bf16_zero_", "fp16_zero_"),  # DeepSpeed
    *("model_world_size_", "extra_state_world_size_"),  # verl
    *("model_optim_rng", "pytorch_model_fsdp", "common.pt"),  # Megatron, accelerate
)
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class ModelSource:
    """A model: `name` as given, its `folder` on this machine, its `commit` on the hub.

    A model that is already in the hub's local cache, where the hub cannot be
    reached, has both.
    """

    name: str
    folder: Path | None = None
    commit: str | None = None

    @property
    def recorded(self) -> str:
        """The name for the record: a folder's is the same however its path is spelt."""
        return name_of_folder(self.folder) if self.folder and not self.commit else self.name


def find_model(name: str, revision: str | None, tokenizer: str | None = None) -> ModelSource:
    """Find a model folder, or resolve a hub model to a commit, without loading it.

    With `tokenizer`, which is another's, the model needs none of its own.

    Raises:
        BackendError: there is no such model, or it lacks files it cannot run
            without.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        _check_folder(folder, tokenizer)
        return ModelSource(name, folder=folder)
    if folder.exists():
        raise BackendError(f"{name} is a file: give the model folder that holds config.json")
    if folder.is_absolute() or name.startswith((".", "~")) or name.count("/") > 1:
        raise BackendError(f"there is no model folder {name}: check the path")
    return _find_on_hub(name, revision, tokenizer)


def _check_folder(folder: Path, tokenizer: str | None) -> None:
    if not (folder / "config.json").is_file():
        if (folder / ADAPTER_CONFIG).is_file():
            base = base_of(folder) or "BASE"
            raise BackendError(
                f"{folder} is an adapter without its model: use --model {base} --lora {folder}"
            )
        shards, inside = shards_in(folder), models_below(folder)
        if inside:
            raise BackendError(
                f"{folder} has no config.json: give the folder of the model itself "
                f"(there is one in {inside[-1]})"
            )
        raise BackendError(
            f"{folder} holds {shards}"
            if shards
            else f"{folder} has no config.json: give a folder that save_pretrained wrote"
        )
    if not tokenizer and not _matching(folder, _TOKENIZER_FILES):
        raise BackendError(
            f"{folder} has no tokenizer (tokenizer.json or tokenizer.model): save the tokenizer "
            "there too (tokenizer.save_pretrained), or name one with --tokenizer"
        )
    if not weight_files(folder):
        shards = shards_in(folder)
        if shards:
            raise BackendError(f"{folder} has no weights, but {shards}")
        raise BackendError(
            f"{folder} has no weights (*.safetensors or *.bin): "
            "was the model saved, and the download complete?"
        )


def base_of(folder: Path) -> str:
    """The model that an adapter in a folder says it was trained on, or ""."""
    try:
        config = json.loads((folder / ADAPTER_CONFIG).read_text("utf-8"))
        return str(config.get("base_model_name_or_path") or "")
    except (OSError, ValueError, AttributeError):
        return ""


def _find_on_hub(name: str, revision: str | None, tokenizer: str | None) -> ModelSource:
    at = f" at revision {revision}" if revision else ""
    found = hub.look_up(name, revision, "model")
    if found is None:
        folder = hub.cached(name, revision, "config.json")
        if folder is None and hub.cached(name, revision, ADAPTER_CONFIG):
            raise _is_adapter(name, revision)
        if folder is None:
            raise BackendError(
                f"there is no folder {name}, the model{at} is not in the local cache, and the hub "
                "cannot be reached: give the path of a local folder, or with --revision "
                "a revision that was downloaded before"
            )
        _check_folder(folder, tokenizer)
        return ModelSource(name, folder=folder, commit=folder.name)
    commit, files = found
    if "config.json" not in files and ADAPTER_CONFIG in files:
        raise _is_adapter(name, revision)
    if "config.json" not in files:
        raise BackendError(f"the hub model {name}{at} has no config.json: is it a language model?")
    return ModelSource(name, commit=commit)


def _is_adapter(name: str, revision: str | None) -> BackendError:
    named = f"{name}@{revision}" if revision else name
    return BackendError(
        f"the hub model {name} is an adapter without its model: use --model BASE --lora {named}"
    )


def generation_config(source: ModelSource) -> Mapping[str, Any]:
    """The content of a model's generation_config.json.

    Raises:
        BackendError: the model has none, or it cannot be read.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError

    try:
        if source.folder:
            path = source.folder / GENERATION_CONFIG
        else:
            path = Path(hf_hub_download(source.name, GENERATION_CONFIG, revision=source.commit))
        content = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, EntryNotFoundError):
        raise BackendError(
            f"{source.name} has no {GENERATION_CONFIG}: leave out --generation-config"
        ) from None
    except Exception as error:  # every HTTP library has errors of its own
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise BackendError(
            f"the {GENERATION_CONFIG} of {source.name} cannot be read: {reason}"
        ) from error
    if not isinstance(content, Mapping):
        raise BackendError(f"the {GENERATION_CONFIG} of {source.name} is not a JSON object")
    return content


def _matching(folder: Path, patterns: Iterable[str]) -> list[Path]:
    found = {path for pattern in patterns for path in folder.glob(pattern) if path.is_file()}
    return sorted(found)


def weight_files(folder: Path) -> list[Path]:
    """The files of weights directly in a model folder, without what a trainer leaves there."""
    files = [
        path
        for path in _matching(folder, _WEIGHT_FILES)
        if not path.name.startswith(_TRAINER_FILES)
    ]
    # An engine that finds both kinds loads the safetensors.
    return [path for path in files if path.suffix == ".safetensors"] or files


def weight_digest(folder: Path) -> str:
    """SHA-256 (hex) over the names and contents of a model folder's files.

    Weights, configuration, tokenizer, chat template and model code count;
    what a trainer leaves beside them does not.
    """
    return files_digest(
        sorted({*weight_files(folder), *_matching(folder, (*_TOKENIZER_FILES, *_OTHER_FILES))})
    )


def tokenizer_digest(folder: Path) -> str:
    """SHA-256 (hex) over the names and contents of a folder's tokenizer and chat template."""
    return files_digest(_matching(folder, (*_TOKENIZER_FILES, *_OTHER_FILES)))


def files_digest(files: Sequence[Path]) -> str:
    """SHA-256 (hex) over the names and contents of files, in the given order."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        digests = pool.map(_file_digest, files)
    total = hashlib.sha256()
    for path, file_digest in zip(files, digests, strict=True):
        total.update(f"{path.name}\0{file_digest}\n".encode())
    return total.hexdigest()


def _file_digest(path: Path) -> str:
    content = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            content.update(chunk)
    return content.hexdigest()


def read_config(source: ModelSource, trust_remote_code: bool = False) -> Any:
    """The model's config as transformers reads it; raises whatever its files or its code raise."""
    from transformers import AutoConfig

    own = {"revision": source.commit} if source.commit and not source.folder else {}
    return AutoConfig.from_pretrained(
        str(source.folder or source.name),
        trust_remote_code=trust_remote_code,
        local_files_only=source.folder is not None,
        **own,
    )
