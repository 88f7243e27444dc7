"""`nano`: the embedded default, from scratch on two CPU cores."""

from __future__ import annotations

from bonaface.training.recipe import Recipe


def nano() -> Recipe:
    """A convolutional stem and four CLIP blocks with La-SoftMoE beside each MLP, learned anchors, two families."""
    return Recipe(name="nano")
