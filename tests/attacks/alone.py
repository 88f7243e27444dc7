"""What every species that needs one person only must keep, asked of each in its own test file."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from bonaface.attacks.scene import Scene
from bonaface.attacks.simulations import parameters_from_json, parameters_to_json
from bonaface.errors import SimulationError


class Alone:
    """A species by its module's names: `draw_x`, `apply_x`, `x_mask`, `VARIANTS`."""

    def __init__(self, name: str, module: ModuleType, *, unheard: str) -> None:
        self.name, self.unheard = name, unheard
        self.draw, self.apply = getattr(module, f"draw_{name}"), getattr(module, f"apply_{name}")
        self.mask, self.variants = getattr(module, f"{name}_mask"), module.VARIANTS

    def drawn(self, seed: int, **wanted: Any) -> Any:
        return self.draw(np.random.default_rng(seed), **wanted)

    def assert_same_generator_same_bytes(self, scene: Scene) -> None:
        before = scene.pixels.tobytes()
        for variant in self.variants:
            for seed in range(2):
                first, second = self.drawn(seed, variant=variant), self.drawn(seed, variant=variant)
                assert first == second
                assert first.variant == variant
                one, two = self.apply(scene, first), self.apply(scene, second)
                assert one.pixels.tobytes() == two.pixels.tobytes()
                assert one.face == two.face
                assert scene.pixels.tobytes() == before != one.pixels.tobytes()
        assert self.drawn(0) != self.drawn(1)

    def assert_the_mask_is_true(self, scene: Scene) -> None:
        """Outside it every byte stays, inside most change."""
        for variant in self.variants:
            for seed in range(3):
                drawn = self.drawn(seed, variant=variant)
                mask, attacked = self.mask(scene, drawn), self.apply(scene, drawn)
                assert mask.shape == scene.size
                assert mask.dtype == np.float32
                assert 0 <= mask.min() <= mask.max() <= 1
                changed = (attacked.pixels != scene.pixels).any(axis=2)
                assert not changed[mask == 0].any()
                assert changed[mask > 0.9].mean() > 0.4, (variant, seed)

    def assert_takes_odd_scenes(self, odd_scenes: dict[str, Scene]) -> None:
        rng = np.random.default_rng(11)
        for scene in odd_scenes.values():
            for variant in self.variants:
                for strength in (0.2, 1.5):
                    drawn = self.draw(rng, strength=strength, variant=variant)
                    attacked = self.apply(scene, drawn)
                    assert attacked.pixels.shape == scene.pixels.shape
                    assert attacked.pixels.dtype == np.uint8
                    assert attacked.pixels is not scene.pixels
                    assert np.isfinite([attacked.face.x1, attacked.face.y1, attacked.face.side]).all()
                    assert self.mask(scene, drawn).shape == scene.size

    def assert_grey_stays_grey(self, scene: Scene) -> None:
        for variant in self.variants:
            for seed in range(4):
                pixels = self.apply(scene, self.drawn(seed, variant=variant)).pixels.astype(int)
                assert (pixels.max(axis=2) - pixels.min(axis=2)).mean() < 2, (variant, seed)

    def assert_survives_json(self, scene: Scene) -> None:
        for variant in self.variants:
            drawn = self.drawn(3, strength=1.2, variant=variant)
            text = json.dumps(parameters_to_json(drawn), allow_nan=False)
            restored = parameters_from_json(self.name, json.loads(text))
            assert restored == drawn
            assert hash(restored) == hash(drawn)
            assert self.apply(scene, restored).pixels.tobytes() == self.apply(scene, drawn).pixels.tobytes()

    def assert_more_strength_changes_more(self, scene: Scene) -> None:
        for variant in self.variants:
            changes = []
            for strength in (0.25, 1.5):
                rng = np.random.default_rng(1)
                drawn = [self.draw(rng, strength=strength, variant=variant) for _ in range(6)]
                attacked = [self.apply(scene, p).pixels.astype(int) for p in drawn]
                changes.append(np.mean([np.abs(pixels - scene.pixels).mean() for pixels in attacked]))
            assert changes[0] < changes[1], variant

    def assert_variants_are_named(self) -> None:
        assert len(self.variants) >= 3
        assert {self.drawn(seed).variant for seed in range(40)} <= set(self.variants)
        with pytest.raises(
            SimulationError, match=f"a variant of {self.name} must be one of .*; got '{self.unheard}'"
        ):
            self.drawn(0, variant=self.unheard)
