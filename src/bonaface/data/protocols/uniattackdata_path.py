"""What the path of a UniAttackData picture says: who is in it, and how it was attacked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from bonaface.data.protocols.coding import Kind
from bonaface.errors import ManifestError
from bonaface.vocabulary import BONAFIDE, SPECIES, Species

_ETHNICITY = {"africa": "AF", "central-asia": "CA", "east-asia": "EA"}
_PHYSICAL = {"cloth-indoor": "print", "cloth-outdoor": "print", "screen-rs": "replay"}
_ADVERSARIAL = frozenset({"advdrop", "alma", "demiguise", "fgtm", "ila_da", "ssah"})
_DIGITAL = {
    "DaGAN": "reenactment",
    "FaceDancer": "faceswap",
    "InsightFace": "faceswap",
    "OneShotTH": "reenactment",
    "SAFA": "reenactment",
    "simswap": "faceswap",
}
_SUBJECT_LAST = frozenset({"FaceDancer"})
"""Its folders name the attacked person last. The others' name them first: by whose ethnicity a picture is filed,
and by whose video has a frame of that number."""

INSTRUMENTS: Mapping[str, Species] = {
    **{name: SPECIES[species] for name, species in _PHYSICAL.items()},
    **dict.fromkeys(sorted(_ADVERSARIAL), SPECIES["adversarial"]),
    **{name: SPECIES[species] for name, species in _DIGITAL.items()},
}
"""The attacks by the names of their folders, and the species that they are of."""

_ID = r"(?:AF|CA|EA)-\d{3}"
_FOLDER = "(?P<ethnicity>africa|central-asia|east-asia)"
_FRAME = r"[^/]+\.(?:jpg|png)"
_SHAPES = tuple(
    (kind, re.compile(rf"(?:.+/)?Data/{shape}/{_FRAME}"))
    for kind, shape in (
        (Kind.LIVE, rf"live/{_FOLDER}/(?P<one>{_ID})/real\.rssdk/color"),
        (Kind.PHYSICAL, rf"spoof/{_FOLDER}/(?P<one>{_ID})/(?P<instrument>{'|'.join(_PHYSICAL)})/color"),
        (
            Kind.ADVERSARIAL,
            rf"adv-attacks/(?P<instrument>{'|'.join(sorted(_ADVERSARIAL))})/"
            rf"(?:ai_)?(?P=instrument)_{_FOLDER}-\d+x\d+/(?P<one>{_ID})",
        ),
        (
            Kind.DIGITAL,
            rf"(?P<instrument>{'|'.join(_DIGITAL)})/{_FOLDER}(?:_faces)?/"
            rf"(?P<one>{_ID})-To-(?:(?P<two>{_ID})|ref\d+)(?:/real\.rssdk/color)?",
        ),
    )
)


@dataclass(frozen=True, slots=True)
class Place:
    """What a path says.

    Attributes:
        kind: By its folders.
        species: Of the vocabulary.
        instrument: The attack's own name, e.g. cloth-indoor or simswap; empty for live pictures.
        subject: XX-NNN: the person whose picture it is, and who was attacked.
        partner: XX-NNN of the person whose face or motion was put in; empty where it is nobody of the data set.
        ethnicity: africa, central-asia or east-asia, of the subject.
    """

    kind: Kind
    species: Species
    instrument: str
    subject: str
    partner: str
    ethnicity: str


def place_of(path: str) -> Place:
    """Read a path such as `UniAttackData/Data/spoof/africa/AF-001/screen-rs/color/0012.jpg`.

    >>> place_of("UniAttackData/Data/FaceDancer/africa/CA-007-To-AF-001/real.rssdk/color/0012.jpg").subject
    'AF-001'

    Raises:
        ManifestError: If it has none of the data set's shapes, or its folders contradict each other.
    """
    for kind, shape in _SHAPES:
        match = shape.fullmatch(path)
        if match is not None:
            return _place(kind, match.groupdict(""), path)
    raise ManifestError(
        f"a path must be one of UniAttackData's, e.g. UniAttackData/Data/live/africa/AF-001/real.rssdk/color/0012.jpg; "
        f"got '{path}'; use the adapter for folders for other data"
    )


def _place(kind: Kind, words: Mapping[str, str], path: str) -> Place:
    instrument, ethnicity = words.get("instrument", ""), words["ethnicity"]
    subject, partner = words["one"], words.get("two", "")
    if instrument in _SUBJECT_LAST:
        subject, partner = partner, subject
    if not subject.startswith(_ETHNICITY[ethnicity]):
        raise ManifestError(
            f"a picture must lie in the folder of its subject's ethnicity; {subject} is in {ethnicity} in '{path}'; "
            "mend the path"
        )
    species = INSTRUMENTS[instrument] if instrument else BONAFIDE
    return Place(kind, species, instrument, subject, partner, ethnicity)
