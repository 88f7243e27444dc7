"""What a file's bytes hash to: how models, pictures and manifests are recognised again."""

from __future__ import annotations

import hashlib
from pathlib import Path


def sha256_of(path: Path) -> str:
    """The file's sha256, in hexadecimal.

    Raises:
        OSError: If it can not be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
