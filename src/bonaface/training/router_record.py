"""The routers' health in a run's events: a line an epoch, which `bonaface router` reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from bonaface.evaluation.router_history import EVENT
from bonaface.models.router_health import RouterHealth
from bonaface.training.events import append_event


def write_routers(out: Path, *, epoch: int, health: Sequence[RouterHealth]) -> None:
    """Add the line of an epoch; none for a model without experts.

    Args:
        out: The run's folder.
        epoch: From 0.
        health: Of every router, from the first block to the last.
    """
    if health:
        append_event(out, EVENT, epoch=epoch, routers=[asdict(one) for one in health])
