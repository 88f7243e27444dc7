"""What the numbers in a list of labels mean: the codings of the field, each declared, none guessed."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from bonaface.errors import ManifestError, did_you_mean


class LabelCoding(StrEnum):
    """How a list numbers what its pictures are. Two of them give 0 and 1 opposite meanings.

    Attributes:
        DETAILED: 0 live, 1 physical, 2 adversarial, 3 digital: UniAttackData's lists of P1, P2.1 and P2.2.
        ATTACK_ONE: 0 live, 1 attack: UniAttackData's lists of P1.1 to P1.3, and the packages of the CVPR 2024
            challenge.
        LIVE_ONE: 1 live, 0 attack: the protocol labels of UniAttackData's read-me, and lists made after it.
    """

    DETAILED = "detailed"
    ATTACK_ONE = "attack-one"
    LIVE_ONE = "live-one"


class Kind(StrEnum):
    """As much as a label says of a picture."""

    LIVE = "live"
    ATTACK = "attack"
    PHYSICAL = "physical"
    ADVERSARIAL = "adversarial"
    DIGITAL = "digital"

    def agrees(self, other: Kind) -> bool:
        """Whether both can be true of one picture; attack agrees with every kind of attack."""
        return self is other or (Kind.LIVE not in (self, other) and Kind.ATTACK in (self, other))


CODES: Mapping[LabelCoding, Mapping[str, Kind]] = {
    LabelCoding.DETAILED: {
        "0": Kind.LIVE,
        "1": Kind.PHYSICAL,
        "2": Kind.ADVERSARIAL,
        "3": Kind.DIGITAL,
    },
    LabelCoding.ATTACK_ONE: {"0": Kind.LIVE, "1": Kind.ATTACK},
    LabelCoding.LIVE_ONE: {"1": Kind.LIVE, "0": Kind.ATTACK},
}


def coding_named(word: str) -> LabelCoding:
    """The coding of that name.

    Raises:
        ManifestError: If there is none.
    """
    if word not in set(LabelCoding):
        raise ManifestError(
            f"the coding of labels must be one of {', '.join(LabelCoding)}; got '{word}'"
            f"{did_you_mean(word, LabelCoding)}"
        )
    return LabelCoding(word)


def kind_of(code: str, coding: LabelCoding) -> Kind:
    """What a code means.

    >>> kind_of("1", LabelCoding.LIVE_ONE), kind_of("1", LabelCoding.ATTACK_ONE)
    (<Kind.LIVE: 'live'>, <Kind.ATTACK: 'attack'>)

    Raises:
        ManifestError: If the coding has no such code.
    """
    codes = CODES[coding]
    if code not in codes:
        known = ", ".join(f"{one} ({kind})" for one, kind in codes.items())
        raise ManifestError(
            f"a label in the coding '{coding}' must be {known}; got '{code}'; declare the list's own coding"
        )
    return codes[code]
