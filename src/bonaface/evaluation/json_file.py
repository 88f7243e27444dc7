"""JSON files of this room: written whole or not at all, read with one sentence for what is wrong."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bonaface.errors import ScoreError
from bonaface.evaluation.whole_text import write_text


def read_object(path: str | os.PathLike[str], what: str, remedy: str) -> dict[str, Any]:
    """The JSON object in a file.

    Args:
        path: Of the file.
        what: What it must be, for the error, e.g. 'a report'.
        remedy: What to do, e.g. 'run: bonaface evaluate'.

    Raises:
        ScoreError: If there is no file, or it is no JSON object.
    """
    try:
        plain = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ScoreError(f"{what} must be a file; {path} is none; {remedy}") from None
    except (ValueError, RecursionError):
        raise ScoreError(f"{what} must be JSON; {path} is not; {remedy}") from None
    if not isinstance(plain, dict):
        raise ScoreError(f"{what} must be a JSON object; {path} is not; {remedy}")
    return plain


def write_object(path: str | os.PathLike[str], plain: Mapping[str, Any]) -> None:
    """Write JSON that any parser reads; the file is replaced at once when the new one is complete."""
    write_text(path, json.dumps(plain, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
