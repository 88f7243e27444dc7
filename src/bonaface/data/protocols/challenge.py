"""The packages of the CVPR 2024 challenge on unified physical-digital attack detection (arXiv 2404.06211)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bonaface.data.manifest import Manifest, Row
from bonaface.data.protocols.coding import Kind, LabelCoding
from bonaface.data.protocols.lists import Listed, read_list
from bonaface.data.protocols.presence import present
from bonaface.data.protocols.uniattackdata import UNSEEN, Protocol
from bonaface.errors import ManifestError
from bonaface.vocabulary import BONAFIDE, FAMILIES, SPECIES, Family, Label, Species, Split

PROTOCOLS = (Protocol.P1, Protocol.P2_1, Protocol.P2_2)
UNNAMED = {
    family: Species(f"unnamed_{family}", family, f"a {family} attack of which no more is told")
    for family in FAMILIES
}
"""Species of the manifests' own: the packages name no attack."""


def challenge(
    root: Path,
    protocol: Protocol,
    *,
    coding: LabelCoding = LabelCoding.ATTACK_ONE,
    splits: Sequence[Split] = (Split.TRAIN, Split.DEV),
    allow_missing: bool = False,
) -> Manifest:
    """A package's manifest; every picture counts as a subject of its own, since nobody is named.

    Args:
        root: The folder that the lists' paths start from, e.g. `phase1`; the lists are `p1/train_label.txt` in it.
        protocol: P1, P2.1 or P2.2.
        coding: Of the labels. Under `attack-one` and `live-one` the family of an attack is what the protocol
            says of the split; P1 has both in every split, so its labels must be `detailed`.
        splits: Those with labels. The test list was published without.
        allow_missing: Leave rows without a picture out, where it is an error otherwise.

    Raises:
        ManifestError: If a list does not parse, an attack's family can not be told, or pictures are missing.
    """
    if protocol not in PROTOCOLS:
        raise ManifestError(
            f"the challenge's protocol must be one of {', '.join(PROTOCOLS)}; got '{protocol}'"
        )
    rows = tuple(
        _row(line, protocol, split)
        for split in splits
        for line in read_list(root / protocol / f"{split}_label.txt", coding)
    )
    return present(Manifest(rows, root), allow_missing=allow_missing).manifest


def _row(line: Listed, protocol: Protocol, split: Split) -> Row:
    species = _species(line, protocol, split)
    return Row(
        path=line.path,
        label=species.label,
        species=species,
        subject=line.path,
        split=split,
        source="UniAttackData challenge",
        groups={"protocol": str(protocol)},
    )


def _species(line: Listed, protocol: Protocol, split: Split) -> Species:
    if line.kind is Kind.LIVE:
        return BONAFIDE
    if line.kind is Kind.ADVERSARIAL:
        species = SPECIES["adversarial"]
    elif line.kind is Kind.ATTACK:
        if protocol not in UNSEEN:
            raise ManifestError(
                f"{line.where}: the family of every attack must be known; {protocol} has both and the label says only "
                f"{Label.ATTACK}; use lists in the coding '{LabelCoding.DETAILED}'"
            )
        return UNNAMED[_family(protocol, split)]
    else:
        species = UNNAMED[Family.PHYSICAL if line.kind is Kind.PHYSICAL else Family.DIGITAL]
    if protocol in UNSEEN and species.family is not _family(protocol, split):
        raise ManifestError(
            f"{line.where}: attacks of {protocol} {split} must be {_family(protocol, split)}; the label says "
            f"{line.kind}; declare the list's own coding or protocol"
        )
    return species


def _family(protocol: Protocol, split: Split) -> Family:
    unseen = UNSEEN[protocol]
    seen = Family.DIGITAL if unseen is Family.PHYSICAL else Family.PHYSICAL
    return unseen if split is Split.TEST else seen
