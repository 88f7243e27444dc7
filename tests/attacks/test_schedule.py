from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from bonaface.attacks.schedule import SCHEDULES, draw_schedule
from bonaface.errors import SimulationError


class Fixed:
    def __init__(self, value: float) -> None:
        self.value = value

    def random(self) -> float:
        return self.value


@pytest.mark.parametrize(
    ("protocol", "u", "clue"),
    [
        ("P1", 0.05, "both"),
        ("P1", 0.15, "sdsc"),
        ("P1", 0.25, None),
        ("P2.1", 0.29, "moire"),
        ("P2.1", 0.31, "jitter"),
        ("P2.1", 0.61, None),
        ("P2.2", 0.49, "sdsc"),
        ("P2.2", 0.51, None),
    ],
)
def test_one_draw_decides(protocol, u, clue):
    assert draw_schedule(Fixed(u), protocol) == clue


@pytest.mark.parametrize("protocol", list(SCHEDULES))
def test_clues_come_as_often_as_the_schedule_says(protocol):
    rng = np.random.default_rng(0)
    counts = Counter(draw_schedule(rng, protocol) for _ in range(8000))
    for clue, probability in SCHEDULES[protocol]:
        assert counts[clue] / 8000 == pytest.approx(probability, abs=0.02)


def test_an_unknown_protocol_is_refused():
    with pytest.raises(SimulationError, match=r"did you mean 'P2\.1'"):
        draw_schedule(np.random.default_rng(0), "P2.11")
