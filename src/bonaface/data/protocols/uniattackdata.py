"""UniAttackData's protocols (Fang et al., IJCAI 2024, arXiv 2401.17699) as manifests, from the official lists."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from bonaface.data.manifest import Manifest, Row
from bonaface.data.protocols.coding import LabelCoding
from bonaface.data.protocols.lists import Listed, read_list
from bonaface.data.protocols.presence import present
from bonaface.data.protocols.uniattackdata_path import place_of
from bonaface.errors import ManifestError, did_you_mean
from bonaface.vocabulary import Family, Split


class Protocol(StrEnum):
    """The official protocols.

    Attributes:
        P1: All families in every split, each split with attacks of its own; people are in several splits.
        P1_1: Adversarial attacks only for training, digital edits unseen; nobody is in two splits.
        P1_2: Digital edits only for training, adversarial attacks unseen; nobody is in two splits.
        P1_3: Both for training; nobody is in two splits.
        P2_1: Physical attacks are unseen: trained on digital ones, tested on physical ones.
        P2_2: Digital attacks are unseen: trained on physical ones, tested on digital ones.
    """

    P1 = "p1"
    P1_1 = "p1.1"
    P1_2 = "p1.2"
    P1_3 = "p1.3"
    P2_1 = "p2.1"
    P2_2 = "p2.2"


CODING: Mapping[Protocol, LabelCoding] = {
    Protocol.P1: LabelCoding.DETAILED,
    Protocol.P1_1: LabelCoding.ATTACK_ONE,
    Protocol.P1_2: LabelCoding.ATTACK_ONE,
    Protocol.P1_3: LabelCoding.ATTACK_ONE,
    Protocol.P2_1: LabelCoding.DETAILED,
    Protocol.P2_2: LabelCoding.DETAILED,
}
"""The coding of each protocol's official image lists."""

UNSEEN: Mapping[Protocol, Family] = {Protocol.P2_1: Family.PHYSICAL, Protocol.P2_2: Family.DIGITAL}
"""The family that only the test split has. Some descriptions of the data set swap the two."""

GROUPS = ("instrument", "partner", "ethnicity", "protocol")
"""The group columns of the manifests."""

PUBLISHED: Mapping[Protocol, Mapping[Split, tuple[int, int, int, int]]] = {
    protocol: dict(zip(Split, rows, strict=True))
    for protocol, rows in {
        Protocol.P1: ((3000, 1800, 1800, 1800), (1500, 900, 1800, 1800), (4500, 2700, 7106, 7200)),
        Protocol.P1_1: ((3000, 1800, 1200, 0), (1500, 900, 300, 0), (4500, 2700, 2606, 5425)),
        Protocol.P1_2: ((3000, 1800, 0, 1198), (1500, 900, 0, 300), (4500, 2700, 5306, 2725)),
        Protocol.P1_3: ((3000, 1800, 600, 600), (1500, 900, 300, 300), (4500, 2700, 3506, 3625)),
        Protocol.P2_1: ((3000, 0, 9000, 9000), (1500, 0, 1706, 1800), (4500, 5400, 0, 0)),
        Protocol.P2_2: ((3000, 2700, 0, 0), (1500, 2700, 0, 0), (4500, 0, 10706, 10800)),
    }.items()
}
"""Pictures by split: live, physical, adversarial, digital edits; the table of the official read-me."""


def protocol_named(word: str) -> Protocol:
    """The protocol of that name.

    Raises:
        ManifestError: If there is none.
    """
    if word not in set(Protocol):
        raise ManifestError(
            f"the protocol must be one of {', '.join(Protocol)}; got '{word}'{did_you_mean(word, Protocol)}"
        )
    return Protocol(word)


def uniattackdata(
    root: Path,
    lists: Path,
    protocol: Protocol,
    *,
    coding: LabelCoding | None = None,
    allow_missing: bool = False,
    is_once: bool = False,
) -> Manifest:
    """A protocol's manifest, with every picture there.

    Args:
        root: The folder that holds `UniAttackData/Data`.
        lists: The folder of the official lists, `UniAttackData@p1_image_train.txt` and so on.
        protocol: Which.
        coding: Of the lists, where they are not the official ones.
        allow_missing: Leave rows without a picture out, where it is an error otherwise.
        is_once: Leave out rows that repeat a picture, as scoring asks for.

    Returns:
        Rows with the group columns `GROUPS`; the family is in the species.

    Raises:
        ManifestError: If a list does not parse or contradicts its own paths, or pictures are missing.
    """
    manifest = listed(root, lists, protocol, coding=coding, is_once=is_once)
    return present(manifest, allow_missing=allow_missing).manifest


def listed(
    root: Path,
    lists: Path,
    protocol: Protocol,
    *,
    coding: LabelCoding | None = None,
    is_once: bool = False,
) -> Manifest:
    """The same from the lists alone: no picture is looked for."""
    chosen = coding or CODING[protocol]
    rows = [
        _row(line, protocol, split)
        for split in Split
        for line in read_list(list_file(lists, protocol, split), chosen)
    ]
    if is_once:
        rows = list({(row.path, row.split): row for row in rows}.values())
    return Manifest(tuple(rows), root)


def list_file(lists: Path, protocol: Protocol, split: Split) -> Path:
    """Where a split's official list of images is."""
    return lists / f"UniAttackData@{protocol}_image_{split}.txt"


def counts(manifest: Manifest) -> dict[Split, tuple[int, int, int, int]]:
    """Pictures by split: live, physical, adversarial, digital edits."""
    found = Counter((row.split, _column(row)) for row in manifest.rows)
    return {split: (found[split, 0], found[split, 1], found[split, 2], found[split, 3]) for split in Split}


def departures(manifest: Manifest, protocol: Protocol) -> list[str]:
    """A sentence for each split whose counts are not the published ones."""
    words = ("live", "physical", "adversarial", "digital")
    return [
        f"{split} has {_named(found, words)}; published are {_named(PUBLISHED[protocol][split], words)}"
        for split, found in counts(manifest).items()
        if found != PUBLISHED[protocol][split]
    ]


def _named(numbers: tuple[int, ...], words: tuple[str, ...]) -> str:
    return ", ".join(f"{number} {word}" for number, word in zip(numbers, words, strict=True))


def _column(row: Row) -> int:
    if row.species.name == "adversarial":
        return 2
    return {None: 0, Family.PHYSICAL: 1, Family.DIGITAL: 3}[row.species.family]


def _row(line: Listed, protocol: Protocol, split: Split) -> Row:
    try:
        place = place_of(line.path)
    except ManifestError as error:
        raise ManifestError(f"{line.where}: {error}") from None
    if not line.kind.agrees(place.kind):
        raise ManifestError(
            f"{line.where}: label and folder must agree; the label says {line.kind} and the folder {place.kind}; "
            "declare the list's own coding"
        )
    groups = (place.instrument, place.partner, place.ethnicity, str(protocol))
    return Row(
        path=line.path,
        label=place.species.label,
        species=place.species,
        subject=place.subject,
        split=split,
        source="UniAttackData",
        groups=dict(zip(GROUPS, groups, strict=True)),
    )
