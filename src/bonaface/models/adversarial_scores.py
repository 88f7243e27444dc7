"""What an adversarial picture is aimed at: a model's score of a whole picture, differentiable in its values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from bonaface.contract import InputContract
from bonaface.errors import SimulationError
from bonaface.models.detector import Detector, any_attack_logit
from bonaface.types import Box, Picture

Score = Callable[[Tensor], Tensor]
"""Pictures (batch, 3, height, width) float32 in [0, 1] -> (batch,), differentiable."""


def attack_logit_of(
    detector: Detector, contract: InputContract, face: Box, *, is_mirrored: bool = False
) -> Score:
    """A detector's log-odds of attack of one face, before any calibration: without a sigmoid no gradient dies.

    Args:
        detector: On any device, in any mode; it judges as in eval mode and keeps its mode.
        contract: Of its input.
        face: The finder's box, in pixels of the pictures.
        is_mirrored: Whether the crop is judged together with its mirror image.
    """

    def score(pictures: Tensor) -> Tensor:
        with _judging(detector) as device:
            pixels = model_input(pictures, face, contract).to(device)
            if not is_mirrored:
                logit: Tensor = detector(pixels).attack_logit
                return logit
            both = detector(torch.cat((pixels, pixels.flip(3)))).family_logits
            return any_attack_logit(both.unflatten(0, (2, -1)).mean(dim=0))

    return score


def similarity_of(
    embedder: nn.Module, goal: Float[Tensor, " width"], contract: InputContract, face: Box
) -> Score:
    """The cosine of a face's embedding and a goal's, in [-1, 1].

    Args:
        embedder: What `model_input` gives -> (batch, width); its mode is treated as by `attack_logit_of`.
        goal: The embedding of the face to be taken for, or not to be taken for.
        contract: Of the embedder's input.
        face: As `attack_logit_of`.
    """

    def score(pictures: Tensor) -> Tensor:
        with _judging(embedder) as device:
            embedding = embedder(model_input(pictures, face, contract).to(device))
        return F.cosine_similarity(embedding, goal.detach().to(embedding)[None], dim=1)

    return score


def as_tensor(pixels: Picture) -> Float[Tensor, "1 3 height width"]:
    """A picture as scores take it, in [0, 1]."""
    return torch.from_numpy(pixels.transpose(2, 0, 1)[None].astype(np.float32)) / 255


def model_input(
    pictures: Float[Tensor, "batch 3 height width"], face: Box, contract: InputContract
) -> Float[Tensor, "batch 3 size size"]:
    """The crop of `faces.crop.prepare`, normalised, as two matrix products with a gradient.

    Square, border and weights are the same. It differs in that the crop is not rounded to code values (up to half of
    one, where a linear mix grows the crop up to one), and in that a face of any size is taken.

    Args:
        pictures: RGB in [0, 1].
        face: As `prepare`.
        contract: As `prepare`.

    Raises:
        SimulationError: If the face lies outside the pictures.
    """
    square = face.squared(contract.margin_ratio)
    side = max(1, round(square.side))
    rows, columns = (
        torch.from_numpy(_resampling(round(start), side, length, contract)).to(pictures)
        for start, length in zip((square.y1, square.x1), pictures.shape[2:], strict=True)
    )
    crop = rows @ pictures @ columns.T
    mean, std = (crop.new_tensor(v).view(1, 3, 1, 1) for v in (contract.mean, contract.std))
    return (crop - mean) / std


_OUTSIDE: dict[str, Literal["reflect", "edge", "constant"]] = {
    "reflect": "reflect",
    "edge": "edge",
    "black": "constant",
}


def _resampling(start: int, side: int, length: int, contract: InputContract) -> npt.NDArray[np.float32]:
    """(size, length): what each pixel of the crop takes from each pixel of the picture, along one axis."""
    low, high = max(start, 0), min(start + side, length)
    if low >= high:
        raise SimulationError(
            "the face must lie inside the picture; its box lies outside; find the face again"
        )
    visible = np.eye(high - low, length, k=low, dtype=np.float32)
    borders = ((low - start, start + side - high), (0, 0))
    size, source = contract.size, np.arange(side)
    if side > size:
        edges = np.arange(size + 1)[:, None] * side / size
        share = np.minimum(edges[1:], source + 1) - np.maximum(edges[:-1], source)
        weights = np.clip(share, 0, 1) * size / side
    else:
        center = np.clip((np.arange(size)[:, None] + 0.5) * side / size - 0.5, 0, side - 1)
        weights = np.clip(1 - np.abs(center - source), 0, 1)
    bordered = np.pad(visible, borders, mode=_OUTSIDE[contract.outside])
    return np.asarray(weights.astype(np.float32) @ bordered, np.float32)


@contextmanager
def _judging(model: nn.Module) -> Iterator[torch.device]:
    """Eval mode, and afterwards every module's own mode again; gives the model's device."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield next((one.device for one in model.parameters()), torch.device("cpu"))
    finally:
        for module, is_training in modes:
            module.training = is_training
