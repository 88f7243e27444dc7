"""Adversarial pictures against the detector of a run, as a simulation beside the others."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import safetensors.torch
import torch

from bonaface.attacks.scene import Plane, Scene
from bonaface.attacks.simulations import Simulation
from bonaface.data.chains import AIMED
from bonaface.errors import CheckpointError, SimulationError
from bonaface.models.adversarial import (
    VARIANTS,
    AdversarialParameters,
    adversarial_mask,
    draw_adversarial,
    perturbed,
)
from bonaface.models.adversarial_scores import attack_logit_of
from bonaface.models.detector import Detector
from bonaface.training.checkpoint import BEST, load_checkpoint
from bonaface.training.recipe import Recipe
from bonaface.training.trained import detector_of_run
from bonaface.vocabulary import SPECIES


@dataclass(frozen=True, slots=True)
class AimedParameters:
    """One attack and what it was aimed at.

    Attributes:
        recipe: Name of the run's recipe.
        weights_sha256: Of the run's best weights, the safetensors file in its folder `best`.
        change: What may change in the scene.
    """

    recipe: str
    weights_sha256: str
    change: AdversarialParameters


@dataclass(frozen=True, slots=True)
class Adversary:
    """Draws and makes pictures that a run's detector takes for bona fide.

    It holds no weights: each process reads them from the run when it makes its first picture.

    Attributes:
        run: A folder that `bonaface train` wrote.
        recipe: Name of its recipe.
        weights_sha256: Of its best weights, as `AimedParameters`.
    """

    run: Path
    recipe: str
    weights_sha256: str

    @property
    def aim(self) -> str:
        """What it is aimed at, in words that change with the weights."""
        return f"{self.recipe} {self.weights_sha256}"

    def simulation(self) -> Simulation:
        """As one of the simulations; sent to another process it works there too."""
        return Simulation(
            name=AIMED,
            species=SPECIES[AIMED],
            draw=self.draw,
            apply=self.apply,
            parameters=AimedParameters,
            variants=VARIANTS,
            mask=self.mask,
        )

    def draw(
        self, rng: np.random.Generator, *, strength: float = 1.0, variant: str | None = None
    ) -> AimedParameters:
        """As `draw_adversarial`, to evade the run's detector."""
        change = draw_adversarial(rng, strength=strength, variant=variant)
        return AimedParameters(self.recipe, self.weights_sha256, change)

    def apply(self, scene: Scene, parameters: AimedParameters) -> Scene:
        """The scene with a lower attack score; on one thread, so that sums have one order in every process.

        Raises:
            CheckpointError: If the run's weights are not those that the parameters were drawn for.
            SimulationError: If the detector has no finite score or gradient there.
        """
        with _one_thread():
            detector, recipe = _armed(self.run, parameters.recipe, parameters.weights_sha256)
            score = attack_logit_of(detector, recipe.contract, scene.face, is_mirrored=recipe.is_mirrored)
            return perturbed(scene, parameters.change, score)

    def mask(self, scene: Scene, parameters: AimedParameters) -> Plane:
        """As `adversarial_mask`."""
        return adversarial_mask(scene, parameters.change)


def adversary_of_run(run: Path) -> Adversary:
    """The adversary of a run's best weights.

    Raises:
        CheckpointError: If the run has no whole checkpoint, or its weights do not fit its recipe.
        SimulationError: If its detector takes whole pictures: what it will see is not known before the camera.
    """
    weights_sha256 = _sha256(run)
    _, recipe = detector_of_run(run)
    if recipe.contract.finder == "whole":
        raise SimulationError(
            f"{run} must judge faces that a finder finds in pictures; it takes whole pictures; give another run"
        )
    return Adversary(run, recipe.name, weights_sha256)


def adversarial_simulation(run: Path) -> Simulation:
    """Adversarial pictures against the best weights of a run, to be added to the simulations.

    Raises:
        CheckpointError: As `adversary_of_run`.
        SimulationError: As `adversary_of_run`.
    """
    return adversary_of_run(run).simulation()


@lru_cache(maxsize=1)
def _armed(run: Path, name: str, weights_sha256: str) -> tuple[Detector, Recipe]:
    """The detector and the recipe of a run with just these weights."""
    found = _sha256(run)
    if found != weights_sha256:
        raise CheckpointError(
            f"{run} must have the weights that the picture is made against, {name} with sha256 {weights_sha256}; "
            f"it has others, with {found}; give the run that has those"
        )
    return detector_of_run(run)


def _sha256(run: Path) -> str:
    """What the safetensors file of the best weights hashes to."""
    return hashlib.sha256(safetensors.torch.save(load_checkpoint(run / BEST).weights)).hexdigest()


@contextmanager
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
