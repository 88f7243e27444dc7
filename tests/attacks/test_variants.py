from __future__ import annotations

import numpy as np
import pytest

from bonaface.attacks.variants import chosen_variant
from bonaface.errors import SimulationError

NAMES = ("eyes", "mouth", "slot")


def choose(seed: int, wanted: str | None) -> tuple[str, float]:
    rng = np.random.default_rng(seed)
    return chosen_variant(rng, wanted, species="cutout", variants=NAMES), rng.random()


def test_all_variants_are_drawn_alike():
    drawn = [choose(seed, None)[0] for seed in range(600)]
    assert all(150 < drawn.count(name) < 250 for name in NAMES)


def test_naming_a_variant_leaves_later_draws_alone():
    assert choose(4, "slot") == ("slot", choose(4, None)[1])


def test_an_unknown_variant_is_answered_with_the_nearest():
    with pytest.raises(
        SimulationError,
        match="a variant of cutout must be one of eyes, mouth, slot; got 'slit'; did you mean 'slot'",
    ):
        choose(0, "slit")
