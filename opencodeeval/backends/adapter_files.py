"""LoRA adapters in PEFT's format: found in a folder or on the hub, and named in the record."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opencodeeval.backends import hub
from opencodeeval.backends.models import ADAPTER_CONFIG, files_digest
from opencodeeval.core.errors import BackendError
from opencodeeval.core.names import name_of_folder

TOKENIZER_CONFIG = "tokenizer_config.json"
TEMPLATE = "chat_template.jinja"
MERGE = "merge it into its base (PEFT's merge_and_unload) and give the result as --model"
_WEIGHTS = ("adapter_model.safetensors", "adapter_model.bin")
_FILES = (ADAPTER_CONFIG, *_WEIGHTS, TOKENIZER_CONFIG, TEMPLATE)


@dataclass(frozen=True)
class Adapter:
    """A LoRA adapter: its name as given, its folder, its adapter_config.json, its digest.

    The name is a path, or an id on the hub, where the adapter also has a `commit`.
    """

    name: str
    folder: Path
    config: Mapping[str, Any]
    digest: str
    commit: str | None = None

    @property
    def rank(self) -> int:
        """The largest rank of its matrices."""
        pattern = self.config.get("rank_pattern") or {}
        return max(int(self.config["r"]), *(int(rank) for rank in pattern.values()), 0)

    @property
    def base(self) -> str:
        """The model that it says it was trained on, or ""."""
        return str(self.config.get("base_model_name_or_path") or "")

    def identity(self) -> dict[str, Any]:
        """What names the adapter in the record."""
        named = self.name if self.commit else name_of_folder(self.folder)
        revision = {"revision": self.commit} if self.commit else {}
        return {"adapter": named, **revision, "digest": self.digest, "rank": self.rank}


def find_adapter(name: str) -> Adapter:
    """Read an adapter's folder; its weights are not loaded.

    `name` is a path, or an id on the hub, perhaps with a revision ("owner/name@revision"),
    from where its files are downloaded unless they are in the local cache.

    Raises:
        BackendError: there is no such folder, or it does not hold a LoRA adapter.
    """
    folder, commit = Path(name).expanduser(), None
    if not folder.is_dir():
        if not hub.looks_like_hub_id(name):
            raise BackendError(f"there is no adapter folder {name}: check the path")
        folder = _from_hub(name)
        commit = folder.name
    if not (folder / ADAPTER_CONFIG).is_file():
        what = "is a model: give it as --model" if (folder / "config.json").is_file() else "lacks"
        hint = "" if what != "lacks" else f" {ADAPTER_CONFIG}: give a folder that PEFT saved"
        raise BackendError(f"{folder} is not an adapter folder: it {what}{hint}")
    config = read_object(folder / ADAPTER_CONFIG)
    kind = str(config.get("peft_type") or "")
    if kind != "LORA" or not isinstance(config.get("r"), int):
        raise BackendError(
            f"the adapter {name} is of type {kind or 'unknown'}, and only LORA is taken: {MERGE}"
        )
    if weights_of(folder) is None:
        raise BackendError(
            f"{folder} has no {_WEIGHTS[0]}: was the adapter saved, and the download complete?"
        )
    digest = files_digest([folder / each for each in sorted(_FILES) if (folder / each).is_file()])
    return Adapter(name, folder, config, digest, commit)


def _from_hub(name: str) -> Path:
    """The folder in the local cache with an adapter's files; its name is the commit.

    Raises:
        BackendError: there is no such adapter, or it cannot be had.
    """
    repository, _, revision = name.partition("@")
    found = hub.look_up(repository, revision or None, "adapter")
    if found is None:
        folder = hub.cached(repository, revision or None, ADAPTER_CONFIG)
        if folder is None and hub.cached(repository, revision or None, "config.json"):
            raise _is_model(name)
        if folder is None:
            raise BackendError(
                f"there is no adapter folder {name}, the adapter is not in the local cache, and "
                "the hub cannot be reached: check the path, or download it first "
                f"(hf download {repository}{f' --revision {revision}' if revision else ''})"
            )
        return folder
    _, files = found
    if ADAPTER_CONFIG not in files and "config.json" in files:
        raise _is_model(name)
    if ADAPTER_CONFIG not in files:
        raise BackendError(
            f"{name} on the hub is not an adapter: it lacks {ADAPTER_CONFIG}; check the name"
        )
    # An adapter that was saved twice has its weights twice.
    weights = next((each for each in _WEIGHTS if each in files), "")
    wanted = [ADAPTER_CONFIG, weights, TOKENIZER_CONFIG, TEMPLATE]
    return hub.download(repository, revision or None, [each for each in wanted if each in files])


def _is_model(name: str) -> BackendError:
    return BackendError(f"{name} on the hub is a model, not an adapter: give it as --model")


def read_object(path: Path) -> Mapping[str, Any]:
    """The JSON object in a file.

    Raises:
        BackendError: it cannot be read.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise BackendError(f"{path} cannot be read: {error}") from error
    if not isinstance(content, Mapping):
        raise BackendError(f"{path} is not a JSON object: was the adapter saved completely?")
    return content


def weights_of(folder: Path) -> Path | None:
    """The file of an adapter's weights, or None."""
    return next((folder / each for each in _WEIGHTS if (folder / each).is_file()), None)
