"""bonaface tells a genuine, live face from an attack, physical or digital.

>>> import bonaface
>>> gate = bonaface.load()                       # doctest: +SKIP
>>> gate("selfie.jpg").outcome                   # doctest: +SKIP
<Outcome.BONAFIDE: 'bonafide'>
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bonaface.types import Box, Verdict
from bonaface.vocabulary import Family, Label, Outcome, Reason

if TYPE_CHECKING:
    from bonaface.inference.gate import Gate as Gate
    from bonaface.inference.gate import load as load

__version__ = "0.18.0"
__all__ = ["Box", "Family", "Gate", "Label", "Outcome", "Reason", "Verdict", "__version__", "load"]


def __getattr__(name: str) -> Any:
    """`load` and `Gate` on first use, so that importing the package loads no runtime."""
    if name in {"load", "Gate"}:
        from bonaface.inference import gate  # noqa: PLC0415

        return getattr(gate, name)
    raise AttributeError(f"module 'bonaface' has no attribute '{name}'")
