"""Species that a protocol keeps for test are not simulated in training either."""

from __future__ import annotations

from dataclasses import replace

from bonaface.data.dataset import Mixture, species_of_share
from bonaface.data.manifest import Manifest
from bonaface.data.splits import assigned
from bonaface.errors import ManifestError
from bonaface.vocabulary import Label, Split


def without_held_back(mixture: Mixture, manifest: Manifest) -> Mixture:
    """The mixture without the species that the manifest has in test and not in train.

    Where train has no attacks at all, nothing is held back on purpose: they are all to be simulated.

    Raises:
        ManifestError: If nothing is left.
    """
    split = assigned(manifest)
    seen = _attacks(split.of_split(Split.TRAIN))
    hidden = _attacks(split.of_split(Split.TEST)) - seen if seen else set()
    kept = {name: share for name, share in mixture.shares.items() if not hidden & _names(name)}
    if len(kept) == len(mixture.shares):
        return mixture
    if not sum(kept.values()) > 0:
        raise ManifestError(
            f"training needs a kind of attack that the manifest does not keep for test; it keeps {', '.join(sorted(hidden))}, "
            f"and the mixture has nothing else; add a share"
        )
    return replace(mixture, shares=kept)


def _attacks(manifest: Manifest) -> set[str]:
    return {row.species.name for row in manifest.rows if row.label == Label.ATTACK}


def _names(share: str) -> set[str]:
    """Of what a share shows: the species, and each step of a chain."""
    species = species_of_share(share)
    return {species.name, *(step.name for step in species.steps)}
