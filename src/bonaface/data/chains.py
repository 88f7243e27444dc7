"""Attacks in one or more steps: faceswap+print is a swapped face, then printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from bonaface.attacks.scene import Plane, Scene
from bonaface.attacks.simulations import SIMULATIONS, Simulation, parameters_from_json, parameters_to_json
from bonaface.attacks.variants import check_variant
from bonaface.errors import SimulationError, did_you_mean
from bonaface.vocabulary import CHAIN, Species, chained

Variants = Mapping[str, Sequence[str]]
"""By the name of a simulation, the variants that may be drawn; a simulation that is not named keeps all of its own."""

Added = Mapping[str, Simulation]
"""Simulations besides those that everybody has, by name: made for one detector, of its weights."""

AIMED = "adversarial"
"""The one that is only there as an added one: without a detector it has nothing to mislead."""


@dataclass(frozen=True, slots=True)
class Chain:
    """Simulations one after the other; most often one alone.

    Attributes:
        name: The names of the simulations with a plus between them.
        steps: The simulations, in order; each is applied to what the one before it made.
        species: What comes out: the steps' species in the same way.
    """

    name: str
    steps: tuple[Simulation, ...]
    species: Species

    @property
    def needs_partner(self) -> bool:
        """Whether a step takes the scene of a second person."""
        return any(step.needs_partner for step in self.steps)

    def drawn(
        self, rng: np.random.Generator, *, strength: float = 1.0, variants: Mapping[str, str] | None = None
    ) -> tuple[Any, ...]:
        """Parameters of every step.

        Args:
            rng: Where all randomness comes from.
            strength: Of every step, in (0, 1.5].
            variants: By the name of a step, the variant that it is held to.

        Raises:
            SimulationError: If a step has no such variant.
        """
        held = variants or {}
        return tuple(step.drawn(rng, strength=strength, variant=held.get(step.name)) for step in self.steps)

    def applied(self, scene: Scene, parameters: Sequence[Any], partner: Scene | None = None) -> Scene:
        """The scene after every step.

        Raises:
            SimulationError: If a second person is needed and missing.
        """
        for step, drawn in zip(self.steps, parameters, strict=True):
            scene = step.applied(scene, drawn, partner)
        return scene

    def mask_of(self, scene: Scene, parameters: Sequence[Any], partner: Scene | None = None) -> Plane:
        """Where any step may change the content of the scene, (height, width) float32 in [0, 1].

        No step moves anything outside of its own mask, so the masks of all steps lie in one picture.
        """
        mask = np.zeros(scene.size, np.float32)
        for number, (step, drawn) in enumerate(zip(self.steps, parameters, strict=True), start=1):
            mask = np.maximum(mask, step.mask_of(scene, drawn, partner))
            if number < len(self.steps):
                scene = step.applied(scene, drawn, partner)
        return mask

    def to_json(self, parameters: Sequence[Any]) -> dict[str, Any] | list[dict[str, Any]]:
        """Plain values: those of the only step, or a list with those of every step."""
        plain = [parameters_to_json(drawn) for drawn in parameters]
        return plain[0] if len(plain) == 1 else plain

    def from_json(self, plain: Any) -> tuple[Any, ...]:
        """The parameters that `to_json` wrote.

        Raises:
            SimulationError: If they are not those of these steps.
        """
        values = plain if isinstance(plain, list) else [plain]
        if len(values) != len(self.steps):
            raise SimulationError(
                f"{self.name} must have the parameters of {len(self.steps)} steps; got {len(values)}"
            )
        return tuple(parameters_from_json(step, v) for step, v in zip(self.steps, values, strict=True))


def chain_named(name: str, added: Added | None = None) -> Chain:
    """The chain of that name, e.g. `print` or `swap+print`.

    Args:
        name: Names of simulations with a plus between them.
        added: Simulations that may be steps too.

    Raises:
        SimulationError: If a step is no simulation, or needs a detector and `added` has none.
    """
    return _chain(name, {**SIMULATIONS, **added}) if added else _known_chain(name)


@lru_cache(maxsize=256)
def _known_chain(name: str) -> Chain:
    return _chain(name, SIMULATIONS)


def _chain(name: str, known: Mapping[str, Simulation]) -> Chain:
    words = name.split(CHAIN)
    where = f" in '{name}'" if len(words) > 1 else ""
    for word in words:
        if word not in known and word == AIMED:
            raise SimulationError(
                f"'{AIMED}'{where} must be aimed at a detector; got none; "
                f"give the folder of its training run with --against"
            )
        if word not in known:
            raise SimulationError(
                f"a simulated attack must be one of {', '.join(known)}, or several joined by '{CHAIN}'; "
                f"got '{word}'{where}{did_you_mean(word, {**known, AIMED: None})}"
            )
    steps = tuple(known[word] for word in words)
    return Chain(name, steps, chained([step.species for step in steps]))


def is_simulated(name: str) -> bool:
    """Whether every step of `name` is a simulation, so that its attacks are made and not collected."""
    return all(word in SIMULATIONS for word in name.split(CHAIN))


def check_variants(variants: Variants, names: Sequence[str], added: Added | None = None) -> None:
    """Raise `SimulationError` unless the variants exist and are of steps of the simulated attacks `names`."""
    used = {step.name: step for name in names for step in chain_named(name, added).steps}
    for name, allowed in variants.items():
        if name not in used:
            raise SimulationError(
                f"variants must be of the simulated attacks in use, {', '.join(used) or 'here none'}; "
                f"got '{name}'{did_you_mean(name, used)}"
            )
        known = used[name].variants
        if not known:
            raise SimulationError(f"{name} has no variants to choose from; got '{', '.join(allowed)}'")
        if not allowed:
            raise SimulationError(
                f"{name} must keep at least one of its variants {', '.join(known)}; got none"
            )
        for variant in allowed:
            check_variant(variant, species=name, variants=known)


def drawn_variants(chain: Chain, variants: Variants, rng: np.random.Generator) -> dict[str, str]:
    """One of the allowed variants, all alike likely, by the name of each step that has a choice of them.

    Nothing is drawn where nothing is chosen: samples without a choice stay what they are.
    """
    choices = {step.name: variants[step.name] for step in chain.steps if step.name in variants}
    return {name: allowed[int(rng.integers(len(allowed)))] for name, allowed in choices.items()}
