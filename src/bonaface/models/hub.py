"""Checkpoints from the hub: safetensors, settings and tokenizers, never pickles."""

from __future__ import annotations

import re
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HFValidationError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from bonaface.errors import DownloadError

HUB_NAME = re.compile(r"^(?P<name>[\w.-]+/[\w.-]+)(@(?P<revision>[\w./-]+))?$")
FILES = ("model*.safetensors", "*.json", "vocab.*", "merges.txt", "spiece.model", "tokenizer.model")


def is_hub_name(source: str) -> bool:
    """Whether a text has the form of a model's name on the hub, `owner/name` or `owner/name@revision`.

    >>> is_hub_name("openai/clip-vit-base-patch16@refs/pr/3"), is_hub_name("models/clip/vit")
    (True, False)
    """
    return HUB_NAME.match(source) is not None


def fetched_folder(source: str) -> Path:
    """The folder of a model's files, fetched unless they lie in the hub's local cache.

    Args:
        source: `owner/name`, or `owner/name@revision` where the revision is a branch, a tag, a commit or `refs/pr/N`.

    Raises:
        DownloadError: If it can not be reached, does not exist or is closed to this user.
    """
    match = HUB_NAME.match(source)
    if match is None:
        raise DownloadError(
            f"a model on the hub must be named owner/name or owner/name@revision; got {source}"
        )
    try:
        folder = snapshot_download(match["name"], revision=match["revision"], allow_patterns=list(FILES))
    except GatedRepoError:
        raise DownloadError(
            f"{source} must be open to you; it is gated: accept its terms on the hub and log in with `hf auth login`"
        ) from None
    except (RepositoryNotFoundError, RevisionNotFoundError, HFValidationError):
        raise DownloadError(f"{source} must exist on the hub; it was not found; check the name") from None
    except Exception as error:  # the client's network errors change with the network library below it
        said = type(error).__name__
        raise DownloadError(
            f"{source} must be on this machine or within reach; fetching failed ({said}); go online, or fetch its "
            "folder elsewhere and give the folder's path"
        ) from error
    return Path(folder)
