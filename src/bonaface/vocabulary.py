"""The words of the field, each once: labels, outcomes, families, species and the reasons of a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from bonaface.errors import ManifestError, did_you_mean


class Label(StrEnum):
    """What a presentation is known to be."""

    BONAFIDE = "bonafide"
    ATTACK = "attack"


class Outcome(StrEnum):
    """What a gate says of a presentation. An error is never bonafide: it is no_decision with a reason."""

    BONAFIDE = "bonafide"
    ATTACK = "attack"
    NO_DECISION = "no_decision"


class Split(StrEnum):
    """What a row is used for. Thresholds and epochs are chosen on dev, never on test."""

    TRAIN = "train"
    DEV = "dev"
    TEST = "test"


class Family(StrEnum):
    """Where an attack enters: before the lens (physical) or behind it (digital)."""

    PHYSICAL = "physical"
    DIGITAL = "digital"


FAMILIES: tuple[Family, ...] = (Family.PHYSICAL, Family.DIGITAL)
"""The order of families in every array of family scores."""


class Reason(StrEnum):
    """Why a verdict is what it is."""

    BELOW_THRESHOLD = "below_threshold"
    ATTACK_EVIDENCE = "attack_evidence"
    PHYSICAL_EVIDENCE = "physical_evidence"
    DIGITAL_EVIDENCE = "digital_evidence"
    NOT_FOUND = "not_found"
    EMPTY_FILE = "empty_file"
    NOT_AN_IMAGE = "not_an_image"
    BROKEN_IMAGE = "broken_image"
    TOO_LARGE = "too_large"
    UNSUPPORTED_IMAGE = "unsupported_image"
    NO_FACE = "no_face"
    FACE_TOO_SMALL = "face_too_small"
    NON_FINITE_SCORE = "non_finite_score"
    INTERNAL_ERROR = "internal_error"


PASSING_REASONS = frozenset({Reason.NOT_FOUND, Reason.INTERNAL_ERROR})
"""Reasons for no decision that may have been the disk's or the machine's, and not the picture's."""


@dataclass(frozen=True, slots=True)
class Species:
    """A presentation attack instrument species (ISO/IEC 30107-3), or the bona fide non-species.

    Attributes:
        name: Its word in manifests, score tables and reports.
        family: Where it enters; None for bona fide.
        meaning: One phrase for people.
        steps: Of a chain, the species it was made by, in order; otherwise empty.
    """

    name: str
    family: Family | None
    meaning: str
    steps: tuple[Species, ...] = ()

    @property
    def label(self) -> Label:
        return Label.BONAFIDE if self.family is None else Label.ATTACK

    @property
    def families(self) -> frozenset[Family]:
        """Every family that has left its traces; a printed face swap has both."""
        return frozenset(one.family for one in (self, *self.steps) if one.family is not None)


BONAFIDE = Species("bonafide", None, "a genuine presentation")

SPECIES: dict[str, Species] = {
    species.name: species
    for species in (
        BONAFIDE,
        Species("print", Family.PHYSICAL, "a printed photograph held before the camera"),
        Species("replay", Family.PHYSICAL, "a picture or video shown on a screen before the camera"),
        Species("cutout", Family.PHYSICAL, "a print with holes cut for eyes or mouth"),
        Species("paper_mask", Family.PHYSICAL, "a printed face worn as a mask"),
        Species("mask_3d", Family.PHYSICAL, "a rigid or silicone mask"),
        Species("spsc", Family.PHYSICAL, "simulated physical spoofing clues: colour jitter and moire"),
        Species(
            "rendition", Family.PHYSICAL, "simulated physical clues: a face seen on something, whatever it is"
        ),
        Species("faceswap", Family.DIGITAL, "a face blended into another picture"),
        Species("sdsc", Family.DIGITAL, "simulated digital spoofing clues: a self-blended face"),
        Species(
            "patchwork", Family.DIGITAL, "simulated digital clues: some place of a face, processed somehow"
        ),
        Species("reenactment", Family.DIGITAL, "a face driven by another face's motion"),
        Species("attribute_edit", Family.DIGITAL, "age, hair, skin or make-up changed"),
        Species("morph", Family.DIGITAL, "an average of two people's faces"),
        Species("diffusion", Family.DIGITAL, "a face made by a diffusion model"),
        Species("generated", Family.DIGITAL, "a face made by another generative model"),
        Species("adversarial", Family.DIGITAL, "a perturbation that misleads a recogniser or a detector"),
        Species("injection", Family.DIGITAL, "a stream fed in behind the camera"),
    )
}


CHAIN = "+"
"""Between the names of attacks that follow each other: faceswap+print is a swapped face, then printed."""


def known_species(name: str) -> Species | None:
    """The species of that name, or the chain of species; None where a word of it is not in the vocabulary.

    >>> known_species("faceswap+print").family
    <Family.PHYSICAL: 'physical'>
    """
    words = name.split(CHAIN)
    if len(words) == 1:
        return SPECIES.get(name)
    steps = [SPECIES.get(word, BONAFIDE) for word in words]
    return None if BONAFIDE in steps else chained(steps)


def chained(steps: Sequence[Species]) -> Species:
    """The species of attacks one after the other; the last one says where it enters."""
    if len(steps) == 1:
        return steps[0]
    name, meaning = CHAIN.join(one.name for one in steps), ", then ".join(one.meaning for one in steps)
    return Species(name, steps[-1].family, meaning, tuple(steps))


def species_named(name: str) -> Species:
    """The species of that name, or the chain of species.

    Raises:
        ManifestError: If the vocabulary has no such species.
    """
    species = known_species(name)
    if species is None:
        words = name.split(CHAIN)
        known = [word for word in SPECIES if len(words) == 1 or word != BONAFIDE.name]
        wrong = next(word for word in words if word not in known)
        what = "species must be" if len(words) == 1 else f"every attack of the chain '{name}' must be"
        raise ManifestError(f"{what} one of {', '.join(known)}; got '{wrong}'{did_you_mean(wrong, known)}")
    return species
