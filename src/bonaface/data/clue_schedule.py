"""The settings of training with simulated clues: which schedule, how the classes weigh, whether dev is learned from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from bonaface.attacks.schedule import SCHEDULES
from bonaface.data.manifest import Manifest
from bonaface.data.splits import PROTOCOL
from bonaface.errors import RecipeError
from bonaface.vocabulary import BONAFIDE, Species

LOSS_WEIGHTS: Mapping[str, Mapping[str, tuple[float, float]]] = {
    "paper": {"P1": (1.0, 1.0), "P2.1": (5.0, 1.0), "P2.2": (2.0, 1.0)},
    "scripts": {"P1": (1.0, 1.0), "P2.1": (1.0, 1.0), "P2.2": (1.0, 1.0)},
}
"""Weights of bona fide and attack samples in the loss: as the paper states them, and as the scripts beside it have them."""

NOT_COMPARABLE = (
    "The model learns from its dev split, as the challenge allowed: dev figures and any threshold chosen on dev are of "
    "pictures that it knows, and its numbers can not be compared with those of a benchmark."
)


@dataclass(frozen=True, slots=True)
class Clues:
    """Pictures of the manifest as they are, all once an epoch; some bona fide ones are turned into attacks by SPSC or SDSC.

    Attributes:
        kind: Tells the kinds of data apart.
        schedule: Which clues and how often, see `attacks.schedule.SCHEDULES`; `manifest`: that of the protocol which the
            manifest's rows name; `none`: no clues.
        loss_weights: Which of `LOSS_WEIGHTS`.
        is_dev_merged: Whether dev is learned from too, as in the challenge: all of it in P1, its bona fide pictures in
            P2.1 and P2.2, without clues. Nothing that is measured then can be compared.
        area: (low, high) of the crop, as a share of the picture.
        aspect: (low, high) of the crop's width by its height; its logarithm is uniform.
        flip: Chance of mirroring.

    Reference: He et al. 2024 (arXiv 2404.08450) and the code beside it.
    """

    kind: Literal["clues"] = "clues"
    schedule: Literal["manifest", "none", "P1", "P2.1", "P2.2"] = "manifest"
    loss_weights: Literal["paper", "scripts"] = "paper"
    is_dev_merged: bool = False
    area: tuple[float, float] = (0.75, 1.0)
    aspect: tuple[float, float] = (3 / 4, 4 / 3)
    flip: float = 0.5

    @property
    def class_weights(self) -> tuple[float, float]:
        """Of bona fide and attack samples in the loss; alike without clues."""
        return LOSS_WEIGHTS[self.loss_weights].get(self.schedule, (1.0, 1.0))

    @property
    def simulated_species(self) -> tuple[str, ...]:
        """Names of the attacks that the schedule makes of bona fide pictures."""
        made = ("sdsc" if clue == "sdsc" else "spsc" for clue, _ in SCHEDULES.get(self.schedule, ()))
        return tuple(dict.fromkeys(made))

    def learns_from_dev(self, species: Species) -> bool:
        """Whether a dev picture of that species is learned from."""
        return self.is_dev_merged and (self.schedule == "P1" or species == BONAFIDE)


def scheduled(how: Clues, manifest: Manifest) -> Clues:
    """The settings with a schedule of their own, where they leave it to the manifest.

    Raises:
        RecipeError: If the rows name no protocol, or several, or one that no schedule was published for.
    """
    if how.schedule != "manifest":
        return how
    named = sorted({row.groups.get(PROTOCOL, "") for row in manifest.rows})
    word = named[0].upper() if len(named) == 1 else ""
    if word not in SCHEDULES:
        found = ", ".join(name or "rows without one" for name in named)
        raise RecipeError(
            f"the manifest's rows must all name one of the protocols {', '.join(SCHEDULES)}, or data.schedule must; "
            f"got {found or 'no rows'}; add --set data.schedule=P1, another of them, or none"
        )
    return replace(how, schedule=word)  # type: ignore[arg-type]
