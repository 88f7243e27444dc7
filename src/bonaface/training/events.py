"""What happened in a run: `events.jsonl`, a JSON line an event, oldest first."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from bonaface.errors import CheckpointError

EVENTS, RECORD = "events.jsonl", "run.json"
"""Files of a run's folder: what happened, and how it was made."""


def append_event(out: Path, event: str, **values: Any) -> None:
    """Add a line to the run's events.

    Args:
        out: The run's folder.
        event: What happened, e.g. `epoch`.
        **values: What there is to say of it, ready for JSON.
    """
    with (out / EVENTS).open("a", encoding="utf-8") as file:
        file.write(json.dumps({"event": event, "time": round(time.time(), 1), **values}) + "\n")


def read_events(out: Path) -> list[dict[str, Any]]:
    """All events of the run; none where there is no file. A last line that a stop cut is passed over.

    Raises:
        CheckpointError: If any other line is no JSON object.
    """
    path = out / EVENTS
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    events: list[dict[str, Any]] = []
    for number, line in enumerate(lines, start=1):
        try:
            event = json.loads(line)
        except json.JSONDecodeError:
            event = None
        if isinstance(event, dict):
            events.append(event)
        elif number < len(lines):
            raise CheckpointError(f"{path} must have a JSON object a line; line {number} is none; delete it")
    return events


def forget_from(out: Path, epoch: int) -> None:
    """Drop the events of `epoch` and later ones, which will be done again."""
    kept = [event for event in read_events(out) if event.get("epoch", -1) < epoch]
    fresh = out / (EVENTS + ".new")
    fresh.write_text("".join(json.dumps(event) + "\n" for event in kept), encoding="utf-8")
    fresh.replace(out / EVENTS)
