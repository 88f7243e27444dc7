"""Every error that bonaface raises on purpose: one sentence of what must be, what came and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any


class BonafaceError(Exception):
    """The root: catch this one to catch all. Its text is one sentence a person can act on."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Worker processes send errors home, those too whose constructors take more than their text."""
        return _again, (type(self), self.args, vars(self))


class PictureError(BonafaceError):
    """A picture that can not be judged.

    Attributes:
        reason: The `Reason` code that a verdict carries for it.
    """

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class BundleError(BonafaceError):
    """A bundle that is incomplete, altered or fails its self-test."""


class ManifestError(BonafaceError):
    """A manifest with a missing column, a missing file, an unknown word or a leak."""


class ScoreError(BonafaceError):
    """Scores from which the asked quantity can not be computed."""


class RecipeError(BonafaceError):
    """A training recipe, or an override of it, that does not exist or does not fit."""


class CheckpointError(BonafaceError):
    """A checkpoint that is cut, altered or made for another recipe."""


class SimulationError(BonafaceError):
    """An attack that can not be simulated as asked."""


class DownloadError(BonafaceError):
    """A file that could not be fetched, or is not the file that was expected."""


class MissingExtraError(BonafaceError):
    """A part that needs packages outside the light install."""

    def __init__(self, what: str, *, extra: str) -> None:
        super().__init__(
            f"{what} needs packages outside the light install; "
            f"install them with: pip install 'bonaface[{extra}]'"
        )
        self.extra = extra


def _again(kind: type[BonafaceError], args: tuple[object, ...], held: dict[str, object]) -> BonafaceError:
    error = kind.__new__(kind, *args)
    vars(error).update(held)
    return error


def first_line(error: BaseException) -> str:
    r"""What an error of somebody else's code says first, or its kind where it says nothing.

    >>> first_line(OSError("no such file\n  at line 3")), first_line(TimeoutError())
    ('no such file', 'TimeoutError')
    """
    return next(iter(str(error).splitlines()), "") or type(error).__name__


MOST_TO_COMPARE = 5_000
"""Known words among which a near one is looked for; among a million paths it would take half a minute."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A tail for an error about an unknown word, e.g. ``; did you mean 'print'?``, or an empty string.

    >>> did_you_mean("prnt", ["print", "replay"])
    "; did you mean 'print'?"
    """
    words = list(known)
    if len(words) > MOST_TO_COMPARE:
        return ""
    close = difflib.get_close_matches(word, words, n=1)
    return f"; did you mean '{close[0]}'?" if close else ""
