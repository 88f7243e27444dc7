"""Scores that another program wrote: a file and its declared format in, a score table out. Nothing is sniffed."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from bonaface.errors import ScoreError, did_you_mean
from bonaface.evaluation.columns import TEXT_COLUMNS, Flags, Scores, text_column
from bonaface.evaluation.score_format import ScoreFormat
from bonaface.evaluation.scores import ScoreTable
from bonaface.vocabulary import BONAFIDE, Label

_SIGNS = {"comma": ",", "tab": "\t", "semicolon": ";"}
_CURES = {
    "probability": "a probability must be in [0, 1]; {came}; declare scale 'logit', or 'range' with low and high",
    "logit": "a logit must stay between 0 and 1 under the sigmoid, which ends at about 36; {came}; "
    "declare scale 'range' with low and high",
    "range": "a score must be within its range; {came}; declare a low and a high that hold all scores",
}


def import_scores(path: str | os.PathLike[str], form: ScoreFormat) -> ScoreTable:
    """The score table of a file that another program wrote.

    Args:
        path: Text in UTF-8, a row a presentation.
        form: How it is written. Bona fide scored high is turned round: attack_score = 1 - p.

    Returns:
        A row for each of the file's, in their order. Rows with an empty score, or nan, are non-responses.

    Raises:
        ScoreError: If the file is missing, is not as declared, or a row may not stand in a `ScoreTable`.
    """
    header, rows = _rows(path, form)
    lines = [line for line, _ in rows]
    found, groups = (
        {name: _column(path, header, rows, name, column) for name, column in named.items()}
        for named in (form.columns, form.groups)
    )
    score = _attack_scores(found["score"], form, lines)
    species, label = _classes(found, form, lines)
    texts = {
        "sample": found["sample"],
        "label": label,
        "species": species,
        "subject": found.get("subject") or _subjects(found["sample"], form.subject_pattern, lines),
        "split": _worded("split", found, form.split, form.split_words, lines),
        "reason": found.get("reason") or _reasons(score, form.reason, lines),
    }
    return ScoreTable(
        **{name: text_column(name, values) for name, values in texts.items()},
        attack_score=score,
        groups={name: text_column(name, values) for name, values in groups.items()},
        family_scores={},
    )


def joined(first: ScoreTable, second: ScoreTable) -> ScoreTable:
    """The rows of both tables, e.g. of the dev and the test list of a paper.

    Raises:
        ScoreError: If they have other group or family columns, or a sample in common.
    """
    for kind, one, other in (
        ("group", set(first.groups), set(second.groups)),
        ("family", set(first.family_scores), set(second.family_scores)),
    ):
        if one != other:
            raise ScoreError(
                f"tables must have the same {kind} columns to be joined; one has {', '.join(sorted(one)) or 'none'}, "
                f"the other {', '.join(sorted(other)) or 'none'}; import both alike"
            )
    return ScoreTable(
        **{name: np.concatenate([getattr(first, name), getattr(second, name)]) for name in TEXT_COLUMNS},
        attack_score=np.concatenate([first.attack_score, second.attack_score]),
        groups={name: np.concatenate([first.groups[name], second.groups[name]]) for name in first.groups},
        family_scores={
            family: np.concatenate([first.family_scores[family], second.family_scores[family]])
            for family in first.family_scores
        },
    )


# The file


def _rows(
    path: str | os.PathLike[str], form: ScoreFormat
) -> tuple[Sequence[str], list[tuple[int, Sequence[str]]]]:
    """The names of the columns, and every row with the number of its line."""
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
        lines = list(_split(text, form.delimiter))
    except OSError as error:
        raise ScoreError(
            f"scores must be in a file that can be read; {path} gives '{error.strerror}'; check the path"
        ) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise ScoreError(f"scores must be text in UTF-8; {path} is not: {error}; save it again") from None
    width = len(lines[0][1]) if lines else 0
    header = lines.pop(0)[1] if lines and form.has_header else [str(number + 1) for number in range(width)]
    if not lines:
        raise ScoreError(f"scores must have at least one row; {path} has none; check the file and has_header")
    for line, row in lines:
        if len(row) != width:
            raise ScoreError(
                f"every row must have {width} values, as the first line has; line {line} of {path} has {len(row)}; "
                "correct it, or declare another delimiter"
            )
    return header, lines


def _split(text: str, delimiter: str) -> Iterator[tuple[int, Sequence[str]]]:
    """Lines that are not empty, in parts, each with its number."""
    if delimiter == "whitespace":
        numbered = enumerate(text.split("\n"), start=1)
        yield from ((number, line.split()) for number, line in numbered if line.strip())
        return
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_SIGNS[delimiter], strict=True)
    yield from ((reader.line_num, row) for row in reader if row)


def _column(
    path: str | os.PathLike[str],
    header: Sequence[str],
    rows: list[tuple[int, Sequence[str]]],
    name: str,
    column: str,
) -> list[str]:
    if header.count(column) == 1:
        place = header.index(column)
        return [row[place] for _, row in rows]
    if column in header:
        came, tail = "has it twice", "; rename one"
    else:
        came, tail = f"has {', '.join(header)}", did_you_mean(column, header) or "; name another"
    raise ScoreError(f"the file must have one column '{column}' for {name}; {path} {came}{tail}")


# Classes


def _classes(
    found: Mapping[str, list[str]], form: ScoreFormat, lines: list[int]
) -> tuple[list[str], list[str]]:
    """Species and labels; without a label column the species says which rows are bona fide."""
    if "label" not in found:
        species = _worded("species", found, "", form.species_words, lines)
        return species, [str(Label.BONAFIDE if name == BONAFIDE.name else Label.ATTACK) for name in species]
    words = {form.bonafide_label: str(Label.BONAFIDE), form.attack_label: str(Label.ATTACK)}
    label = _translated("label", found["label"], words, lines)
    if "species" not in found:
        return [BONAFIDE.name if word == Label.BONAFIDE else form.species for word in label], label
    return _worded("species", found, "", form.species_words, lines), label


def _worded(
    name: str, found: Mapping[str, list[str]], constant: str, words: Mapping[str, str], lines: list[int]
) -> list[str]:
    """A column in our words, or the same word in every row."""
    if name not in found:
        return [constant] * len(lines)
    return _translated(name, found[name], words, lines) if words else found[name]


def _translated(name: str, texts: list[str], words: Mapping[str, str], lines: list[int]) -> list[str]:
    for line, text in zip(lines, texts, strict=True):
        if text not in words:
            declared = ", ".join(f"'{word}'" for word in words)
            raise ScoreError(
                f"{name} must be one of the declared words {declared}; line {line} has '{text}'; "
                "declare the word, or correct the row"
            )
    return [words[text] for text in texts]


def _subjects(samples: list[str], pattern: str, lines: list[int]) -> list[str]:
    if not pattern:
        return [""] * len(samples)
    subjects = []
    for line, sample in zip(lines, samples, strict=True):
        match = re.search(pattern, sample)
        if match is None or not match["subject"]:
            raise ScoreError(
                f"subject_pattern must find a subject in every sample; line {line} has '{sample}'; correct the pattern"
            )
        subjects.append(match["subject"])
    return subjects


# Scores


def _attack_scores(texts: list[str], form: ScoreFormat, lines: list[int]) -> Scores:
    """In [0, 1], higher = attack; NaN where there is none."""
    numbers = np.array([_number(text, line) for text, line in zip(texts, lines, strict=True)], np.float64)
    scores, is_in = _on_scale(numbers, form)
    wrong = np.flatnonzero(~is_in & ~np.isnan(numbers))
    if len(wrong):
        came = f"line {lines[wrong[0]]} has '{texts[wrong[0]]}'"
        raise ScoreError(_CURES[form.scale].format(came=came))
    return scores


def _on_scale(numbers: Scores, form: ScoreFormat) -> tuple[Scores, Flags]:
    """Attack scores, and whether each number may stand on the declared scale."""
    is_turned = form.polarity == "bonafide_high"
    if form.scale == "logit":
        # The sign turns before the sigmoid: near 0 that keeps apart what 1 - p would round to 1.
        with np.errstate(invalid="ignore"):  # rows without a score
            scores = np.exp(-np.logaddexp(0, numbers if is_turned else -numbers))
        return scores, (scores > 0) & (scores < 1)
    low, high = form.ends
    shares = (numbers - low) / (high - low)
    return (1 - shares if is_turned else shares), (numbers >= low) & (numbers <= high)


def _number(text: str, line: int) -> float:
    try:
        return float(text.replace("_", "?")) if text else np.nan  # float alone takes 0_1 for 1
    except ValueError:
        raise ScoreError(
            f"a score must be a number or empty; line {line} has '{text}'; correct the row"
        ) from None


def _reasons(scores: Scores, reason: str, lines: list[int]) -> list[str]:
    missing = np.isnan(scores)
    if missing.any() and not reason:
        raise ScoreError(
            f"a row without a score must have a reason; line {lines[int(np.argmax(missing))]} has none; "
            "name the column of reasons, or declare one reason"
        )
    return [reason if is_missing else "" for is_missing in missing]
