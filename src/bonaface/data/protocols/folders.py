"""Data sets whose folders say it all: a declared pattern turns paths into the columns of a manifest."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from bonaface.data.manifest import Manifest, Row, check_names
from bonaface.data.protocols.presence import first_ten
from bonaface.errors import ManifestError, did_you_mean
from bonaface.faces.picture import pictures_below
from bonaface.vocabulary import SPECIES, Species, Split, known_species

PATTERN = "{split}/{species}/{subject}/*"
JFSFDB_PATTERN = "{dataset}/{split}/{species}/{subject}/*"
"""For several sets side by side, as joint benchmarks of spoofing and forgery have them (JFSFDB, arXiv 2208.05401)."""

DATASET = "dataset"
"""Of a pattern: the set that a folder holds."""

_Meaning = TypeVar("_Meaning", Species, Split)
_NEEDED = ("species", "subject")
_TAKEN = frozenset({"path", "label", "family", "source", "licence", "parameters"})


def folders(
    root: Path,
    pattern: str = PATTERN,
    *,
    species_words: Mapping[str, str] | None = None,
    split_words: Mapping[str, str] | None = None,
) -> Manifest:
    """Every picture below `root`, told by its path.

    Args:
        root: The folder.
        pattern: The path of a picture below it. `{species}` and `{subject}` must be in it, `{split}` may be, any
            other `{name}` becomes a group column; `*` is anything within a folder's or file's name. Where `{dataset}` is in it
            subjects are named `dataset/subject`: number 1 of two sets are two people.
        species_words: What the data set's words for species mean, e.g. {"live": "bonafide"}; words of the
            vocabulary need not be told.
        split_words: The same for splits, e.g. {"val": "dev"}.

    Raises:
        ManifestError: If the pattern says too little, a picture does not fit it, or a word is not known.
    """
    shape = _shape(pattern)
    species_of = {**SPECIES, **{word: _species(word, name) for word, name in (species_words or {}).items()}}
    split_of = {**{str(one): one for one in Split}, **_splits(split_words or {})}
    if not root.is_dir():
        raise ManifestError(f"{root} must be a folder of pictures; it does not exist; check the path")
    paths = tuple(path.relative_to(root) for path in pictures_below(root))
    if not paths:
        raise ManifestError(f"{root} must have pictures in it; none was found; check the path")
    check_names(paths)
    matches = [(path.as_posix(), shape.fullmatch(path.as_posix())) for path in paths]
    strays = tuple(path for path, (_, match) in zip(paths, matches, strict=True) if match is None)
    if strays:
        found = f"{len(strays)} of {len(paths)} have not: {first_ten(strays)}"
        raise ManifestError(
            f"every picture below {root} must have a path like {pattern}; {found}; declare the data set's own pattern"
        )
    rows = []
    for path, match in matches:
        words = match.groupdict() if match else {}
        species = _known(words.pop("species"), species_of, "species", path)
        split = _known(words.pop("split"), split_of, "split", path) if "split" in words else None
        subject = "/".join([*([words[DATASET]] if DATASET in words else []), words.pop("subject")])
        rows.append(Row(path, species.label, species, subject, split, groups=words))
    return Manifest(tuple(rows), root)


def _shape(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"(\{[^{}]*\}|\*)", pattern)
    names = [part[1:-1] for part in parts if part.startswith("{")]
    wrong = [name for name in names if not name.isidentifier() or name in _TAKEN]
    repeated = [name for name, count in Counter(names).items() if count > 1]
    lacking = [name for name in _NEEDED if name not in names]
    touching = re.search(r"[}*][{*]", pattern)
    if wrong or repeated or lacking or touching:
        what = (
            f"lacks {{{lacking[0]}}}" if lacking
            else f"has {{{wrong[0]}}}, which can not be a column of its own" if wrong
            else f"has {{{repeated[0]}}} twice" if repeated
            else "has two of them with nothing between"
        )  # fmt: skip
        raise ManifestError(
            f"a pattern must name {{species}} and {{subject}}, each once and apart, e.g. {PATTERN}; '{pattern}' {what}"
        )
    return re.compile("".join(_piece(part) for part in parts))


def _piece(part: str) -> str:
    if part == "*":
        return "[^/]*"
    return f"(?P<{part[1:-1]}>[^/]+?)" if part.startswith("{") else re.escape(part)


def _species(word: str, name: str) -> Species:
    species = known_species(name)
    if species is None:
        raise ManifestError(
            f"the folder word '{word}' must mean a species of {', '.join(SPECIES)}; got '{name}'"
            f"{did_you_mean(name, SPECIES)}"
        )
    return species


def _splits(words: Mapping[str, str]) -> dict[str, Split]:
    for word, name in words.items():
        if name not in set(Split):
            raise ManifestError(
                f"the folder word '{word}' must mean a split of {', '.join(Split)}; got '{name}'"
            )
    return {word: Split(name) for word, name in words.items()}


def _known(word: str, known: Mapping[str, _Meaning], what: str, path: str) -> _Meaning:
    if word not in known:
        raise ManifestError(
            f"{path}: the folder '{word}' must be a known {what} ({', '.join(known)})"
            f"{did_you_mean(word, known) or '; say what it means'}"
        )
    return known[word]
