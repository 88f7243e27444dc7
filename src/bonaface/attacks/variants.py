"""Mechanisms of one species: a benchmark trains on some and tests on the others."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from bonaface.errors import SimulationError, did_you_mean


def chosen_variant(
    rng: np.random.Generator, wanted: str | None, *, species: str, variants: tuple[str, ...]
) -> str:
    """The wanted variant, or a drawn one; the generator moves on alike, so later draws do not depend on it.

    Raises:
        SimulationError: If the species has no such variant.
    """
    drawn = variants[int(rng.integers(len(variants)))]
    check_variant(wanted, species=species, variants=variants)
    return drawn if wanted is None else wanted


def kind_of(
    drawn: float, wanted: str | None, *, species: str, kinds: Mapping[str, tuple[float, float]]
) -> float:
    """A uniform draw in [0, 1), brought into the range of the wanted variant, or of all that there are.

    Raises:
        SimulationError: If the species has no such variant.
    """
    check_variant(wanted, species=species, variants=kinds)
    low, high = (0.0, max(end for _, end in kinds.values())) if wanted is None else kinds[wanted]
    return low + (high - low) * drawn


def variant_at(kind: float, kinds: Mapping[str, tuple[float, float]]) -> str:
    """The variant in whose half-open range a draw of `kind_of` lies."""
    return next(name for name, (low, high) in kinds.items() if low <= kind < high)


def check_variant(wanted: str | None, *, species: str, variants: Collection[str]) -> None:
    """Raise `SimulationError` unless a variant, where one is wanted, is one of the species."""
    if wanted is not None and wanted not in variants:
        raise SimulationError(
            f"a variant of {species} must be one of {', '.join(variants)}; "
            f"got '{wanted}'{did_you_mean(wanted, variants)}"
        )
