"""What CLIP is asked: texts for a bona fide face and for an attack, each with where its wording comes from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bonaface.errors import RecipeError, did_you_mean
from bonaface.vocabulary import FAMILIES, SPECIES, Family

SLOT = "{}"
"""Where the class word goes."""

FILE_MARK = "@"
"""Before the name of a file of prompts."""

Level = Literal["class", "family", "species"]
"""How finely attacks are named, see `PromptsConfig`."""

_REPOSITORY = "the template list of the laboratory's public code"
_TABLE = "UniAttackDetection's templates as a re-implementation quotes the paper's table 6"


@dataclass(frozen=True, slots=True)
class Prompt:
    """A sentence about a face.

    Attributes:
        name: As settings say it.
        text: The sentence, with {} for the class word.
        provenance: `known`: the wording is the source's; `stand-in`: the source's own was not found, this one takes
            its place.
        source: Where the wording comes from.
    """

    name: str
    text: str
    provenance: Literal["known", "stand-in"]
    source: str


PROMPTS: dict[str, Prompt] = {
    prompt.name: prompt
    for prompt in (
        Prompt("T-1", "This is an example of a {} face", "stand-in", _REPOSITORY),
        Prompt("T-2", "This is a {} face", "stand-in", _REPOSITORY),
        Prompt("T-3", "A photo of a {} face", "known", "La-SoftMoE, best AUC and EER; third-hand"),
        Prompt("T-4", "This is how a {} face looks like", "stand-in", _REPOSITORY),
        Prompt("T-5", "Is not this a {} face ?", "stand-in", _REPOSITORY),
        Prompt("T-6", "A printout shown to be a {} face", "stand-in", _REPOSITORY),
        Prompt("T-7", "There is a {} face in this photo", "stand-in", f"the second of {_TABLE}"),
        Prompt("T-8", "This is an image of a {} face", "known",
               "La-SoftMoE, best ACER and ACC; third-hand, and fixed in the laboratory's public CLIP trainer"),
        Prompt("U-1", "This photo contains {} face.", "known", _TABLE),
        Prompt("U-2", "There is a {} face in this photo.", "known", _TABLE),
        Prompt("U-3", "{} face is in this photo.", "known", _TABLE),
        Prompt("U-4", "A photo of a {} face.", "known", _TABLE),
        Prompt("U-5", "This is an example of a {} face.", "known", _TABLE),
        Prompt("U-6", "This is how a {} face looks like.", "known", _TABLE),
        Prompt("U-7", "This is an image of {} face.", "known", _TABLE),
        Prompt("U-8", "The picture is a {} face.", "known", _TABLE),
    )
}  # fmt: skip
"""T-1 to T-8 are La-SoftMoE's, of which two are known; U-1 to U-8 are UniAttackDetection's, whose class names are
"real face" and "spoof face"."""

ENSEMBLES: dict[str, tuple[str, ...]] = {
    "la_softmoe": tuple(f"T-{number}" for number in range(1, 9)),
    "uniattackdetection": tuple(f"U-{number}" for number in range(1, 7)),
}
"""Prompts that are averaged under one name; UniAttackDetection uses the first six of its own."""

WORDS = ("live", "fake")
"""La-SoftMoE's class words, bona fide first as everywhere here; the laboratory's own list has fake first."""

UNIATTACKDETECTION_WORDS = ("real", "spoof")

FAMILY_WORDS: dict[Family, str] = {
    Family.PHYSICAL: "physically spoofed",
    Family.DIGITAL: "digitally manipulated",
}

SPECIES_WORDS: dict[str, str] = {
    "print": "printed",
    "replay": "screen-replayed",
    "cutout": "cut-out paper",
    "paper_mask": "paper-masked",
    "mask_3d": "silicone-masked",
    "spsc": "recaptured",
    "rendition": "shown on a medium",
    "faceswap": "swapped",
    "sdsc": "blended",
    "patchwork": "processed",
    "reenactment": "reenacted",
    "attribute_edit": "retouched",
    "morph": "morphed",
    "diffusion": "diffusion-generated",
    "generated": "GAN-generated",
    "adversarial": "perturbed",
    "injection": "virtual-camera",
}
"""The field's word for a face attacked so, for every species of the vocabulary. All begin with a consonant, so that
"a {} face" reads well."""


@dataclass(frozen=True, slots=True)
class PromptsConfig:
    """Which texts the anchors stand for; plain values, ready for JSON.

    Attributes:
        templates: Each the name of a prompt (T-8) or of an ensemble (la_softmoe), a text with {} for the class word, or
            @ and a file of such texts. Several are averaged.
        words: Class words of a bona fide face and of an attack.
        level: What stands for an attack. `class`: the second class word, the same for every family; `family`: a word
            for each family; `species`: the words of the family's species, averaged.

    Raises:
        RecipeError: If there is no template, or a class word is empty.
    """

    templates: tuple[str, ...] = ("T-8",)
    words: tuple[str, str] = WORDS
    level: Level = "class"

    def __post_init__(self) -> None:
        if not self.templates:
            raise RecipeError("prompts.templates must have at least one; got none; e.g. T-8")
        if not all(word.strip() for word in self.words) or self.words[0] == self.words[1]:
            raise RecipeError(
                f"prompts.words must be two different words, for a bona fide face and for an attack; got {self.words}"
            )


@dataclass(frozen=True, slots=True)
class AnchorTexts:
    """What the two anchors of a family stand for; several texts are averaged."""

    bonafide: tuple[str, ...]
    attack: tuple[str, ...]


def anchor_texts(config: PromptsConfig, *, num_families: int = len(FAMILIES)) -> tuple[AnchorTexts, ...]:
    """The texts of each family's anchors, in the order of `FAMILIES`; at most one of each.

    With one family, its attack stands for both: at level `family` for the words of the two, at `species` for all.

    Args:
        config: What to say.
        num_families: 2, or 1 for the two-class reading of the papers.

    Raises:
        RecipeError: If a template is unknown or has no class word, a file can not be read, or the number of families
            is neither.
    """
    if num_families not in {1, len(FAMILIES)}:
        raise RecipeError(f"texts can stand for 1 or {len(FAMILIES)} families; got {num_families}")
    templates = template_texts(config.templates)
    bonafide, attack = config.words
    words = [_attack_words(config.level, family, attack) for family in FAMILIES]
    if num_families == 1:
        words = [tuple(dict.fromkeys(word for of_family in words for word in of_family))]
    return tuple(AnchorTexts(_filled(templates, (bonafide,)), _filled(templates, of)) for of in words)


def template_texts(names: Sequence[str]) -> tuple[str, ...]:
    """The texts with {} that names of prompts and ensembles, texts and files of texts stand for, each once.

    Raises:
        RecipeError: If one is unknown or has no class word, or a file can not be read.
    """
    return tuple(dict.fromkeys(text for name in names for text in _texts_of(name)))


def prompts_from_file(path: Path) -> tuple[str, ...]:
    """Texts from a file in UTF-8, one a line; empty lines and lines that start with # say nothing.

    Raises:
        RecipeError: If the file can not be read or has no text, or a line has not one {} or is there twice.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        raise RecipeError(
            f"{path} must be a text file in UTF-8 with one prompt a line; it can not be read"
        ) from None
    seen: dict[str, int] = {}
    for number, line in enumerate(map(str.strip, lines), start=1):
        if not line or line.startswith("#"):
            continue
        if line.count(SLOT) != 1:
            raise RecipeError(
                f"{path} line {number}: a prompt must have one {SLOT} for the class word; got '{line}'"
            )
        if line in seen:
            raise RecipeError(f"{path} line {number}: a prompt must come once; it is line {seen[line]} again")
        seen[line] = number
    if not seen:
        raise RecipeError(f"{path} must have at least one prompt; it has none")
    return tuple(seen)


def are_families_alike(texts: Sequence[AnchorTexts]) -> bool:
    """Whether two families stand for the same texts: no training of the image encoder can tell them apart then."""
    return len(set(texts)) < len(texts)


def _texts_of(name: str) -> Iterator[str]:
    if name.startswith(FILE_MARK):
        yield from prompts_from_file(Path(name.removeprefix(FILE_MARK)))
    elif name in ENSEMBLES:
        yield from (PROMPTS[one].text for one in ENSEMBLES[name])
    elif name in PROMPTS:
        yield PROMPTS[name].text
    elif name.count(SLOT) == 1:
        yield name
    else:
        known = [*PROMPTS, *ENSEMBLES]
        raise RecipeError(
            f"a prompt must be one of {', '.join(known)}, a text with one {SLOT} for the class word, or "
            f"{FILE_MARK} and a file of such texts; got '{name}'{did_you_mean(name, known)}"
        )


def _attack_words(level: Level, family: Family, word: str) -> tuple[str, ...]:
    if level == "class":
        return (word,)
    if level == "family":
        return (FAMILY_WORDS[family],)
    return tuple(SPECIES_WORDS[name] for name, species in SPECIES.items() if species.family is family)


def _filled(templates: Sequence[str], words: Sequence[str]) -> tuple[str, ...]:
    return tuple(template.replace(SLOT, word) for word in words for template in templates)
