"""What SimUAD makes of a picture: captures without an attack, and every simulation in every variant of the split."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any, ClassVar

from bonaface.data.chains import Chain, chain_named
from bonaface.data.manifest import Row
from bonaface.data.simuad.variants import SIMULATED, STRENGTHS, variants_of
from bonaface.data.simulation_plan import Bounds, Sample
from bonaface.vocabulary import BONAFIDE, Split

CAPTURES = 2


@dataclass(frozen=True, slots=True)
class Benchmark:
    """The settings of the benchmark; all else is fixed.

    Attributes:
        seed: Another seed, another benchmark.
        captures: Bona fide samples of each picture, each by another camera.
    """

    seed: int = 0
    captures: int = CAPTURES

    command: ClassVar[str] = "bonaface data simuad"

    @property
    def simulations(self) -> tuple[str, ...]:
        """Names of the simulations."""
        return SIMULATED

    @property
    def splits(self) -> tuple[Split, ...]:
        """All."""
        return tuple(Split)

    @property
    def has_masks(self) -> bool:
        """None are written."""
        return False

    def chain(self, name: str) -> Chain:
        """The simulation of that name."""
        return chain_named(name)

    def samples_of(self, row: Row) -> list[Sample]:
        """The captures, and one attack for each variant and each range of strengths of the row's split."""
        assert row.split is not None
        copies = [
            Sample(row, BONAFIDE.name, number, is_copy=True, bounds=Bounds())
            for number in range(self.captures)
        ]
        attacks = [
            Sample(row, name, number, is_copy=False, bounds=Bounds(strength, {name: (variant,)}))
            for name, variants in variants_of(row.split).items()
            for number, (variant, strength) in enumerate(product(variants, STRENGTHS[row.split]))
        ]
        return copies + attacks

    def to_json(self) -> dict[str, Any]:
        """The settings and the rules, so that a folder made by others is not gone on with."""
        return {
            "seed": self.seed,
            "captures": self.captures,
            "variants": {split: variants_of(split) for split in Split},
            "strengths": STRENGTHS,
        }
