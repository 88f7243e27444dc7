"""Routers of a run as its events hold them."""

from __future__ import annotations

from typing import Any


def router(block: int = 0, *, slots: float = 12.0, **changes: Any) -> dict[str, Any]:
    """A living router of two experts with four slots each, over 101 tokens."""
    return {
        "name": f"encoder.vision.encoder.layers.{block}.mlp.experts",
        "num_tokens": 101,
        "num_slots": 16,
        "slots_per_token": slots,
        "tokens_per_slot": 70.25,
        "slots_per_expert": [3.5, 3.25],
        "combine_entropy": 2.5,
        "dispatch_entropy": 4.25,
        "combine_nats": 0.25,
        "dispatch_nats": 0.5,
        "load": [0.625, 0.375],
        "species_load": {"bonafide": [0.75, 0.25], "print": [0.5, 0.5], "replay": [0.25, 0.75]},
        "findings": [],
    } | changes


def event(epoch: int, *routers: dict[str, Any]) -> dict[str, Any]:
    return {"event": "routers", "time": 1.0, "epoch": epoch, "routers": list(routers)}
