"""Models and adapters on the hub: a name resolved to a commit, or found in the local cache."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from opencodeeval.core.errors import BackendError

_TIMEOUT_S = 10.0


def looks_like_hub_id(name: str) -> bool:
    """Whether a name that is no folder here may be that of something on the hub: owner/name."""
    return name.count("/") == 1 and not name.startswith((".", "~", "/"))


def look_up(name: str, revision: str | None, kind: str) -> tuple[str, frozenset[str]] | None:
    """The commit and the files of a model or an adapter (`kind`); None if the hub is not reached.

    Raises:
        BackendError: the hub has nothing of this name, or does not show it.
    """
    from huggingface_hub import HfApi, errors

    try:
        info = HfApi().model_info(name, revision=revision, timeout=_TIMEOUT_S)
    except errors.HFValidationError:
        raise BackendError(
            f"there is no folder {name}, and it is not a hub {kind} id of the form owner/name "
            "either"
        ) from None
    except errors.GatedRepoError:
        raise BackendError(
            f"the {kind} {name} is gated: accept its terms on its hub page and set HF_TOKEN"
        ) from None
    except errors.RevisionNotFoundError:
        where = "with --revision" if kind == "model" else "after the @"
        raise BackendError(
            f"the {kind} {name} has no revision {revision}: give a branch, tag or commit {where}"
        ) from None
    except errors.RepositoryNotFoundError:
        raise BackendError(
            f"there is no folder {name} and no such {kind} on the hub: check the name, "
            "or set HF_TOKEN if it is private"
        ) from None
    except Exception:  # no answer: every HTTP library has errors of its own
        return None
    return str(info.sha), frozenset(each.rfilename for each in info.siblings or ())


def cached(name: str, revision: str | None, file: str) -> Path | None:
    """The folder in the local cache that has a file of something on the hub; asks no network.

    Its name is the commit.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError

    try:
        return Path(hf_hub_download(name, file, revision=revision, local_files_only=True)).parent
    except EntryNotFoundError:
        return None


def download(name: str, revision: str | None, files: Sequence[str]) -> Path:
    """The folder in the local cache with these files of a revision, which has all of them.

    Its name is the commit. Later it is found under the same revision without a network.

    Raises:
        BackendError: they cannot be downloaded.
    """
    from huggingface_hub import hf_hub_download

    try:
        paths = [Path(hf_hub_download(name, each, revision=revision)) for each in files]
    except Exception as error:  # every HTTP library has errors of its own
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise BackendError(
            f"{name} cannot be downloaded from the hub ({reason}): give the same command again, "
            f"or download it first (hf download {name} --local-dir FOLDER) and give the folder"
        ) from error
    return paths[0].parent
