"""When the paper's training applies SPSC or SDSC: one uniform draw for each bona fide training picture.

Reference: the schedules that the authors of arXiv 2404.08450 released for the protocols of UniAttackData; P2.1 leaves
physical attacks unseen, P2.2 digital ones.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from bonaface.errors import SimulationError, did_you_mean

Clue = Literal["both", "moire", "jitter", "sdsc"]
"""What turns a bona fide picture into an attack: SPSC's `clues`, or SDSC."""

SCHEDULES: dict[str, tuple[tuple[Clue, float], ...]] = {
    "P1": (("both", 0.1), ("sdsc", 0.1)),
    "P2.1": (("moire", 0.3), ("jitter", 0.3)),
    "P2.2": (("sdsc", 0.5),),
}
"""Clues and their probabilities for each protocol; with the remaining probability the picture stays bona fide."""


def draw_schedule(rng: np.random.Generator, protocol: str) -> Clue | None:
    """The clue that one training picture gets, or None for none. Draws one number.

    Raises:
        SimulationError: If there is no schedule for that protocol.
    """
    try:
        schedule = SCHEDULES[protocol]
    except KeyError:
        raise SimulationError(
            f"protocol must be one of {', '.join(SCHEDULES)}; got '{protocol}'{did_you_mean(protocol, SCHEDULES)}"
        ) from None
    left = float(rng.random())
    for clue, probability in schedule:
        if left < probability:
            return clue
        left -= probability
    return None
