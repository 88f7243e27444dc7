"""The way out to ONNX: one file that takes uint8 crops, with the preprocessing inside the graph."""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from jaxtyping import UInt8
from torch import Tensor, nn

from bonaface.bundle import INPUT_NAME, OUTPUT_NAMES, SPECIES_OUTPUT
from bonaface.contract import InputContract
from bonaface.errors import BundleError
from bonaface.models.detector import Detector, any_attack_logit
from bonaface.models.pixels import normalise
from bonaface.models.species_head import SpeciesHead

TOLERANCE = 1e-4
QUIET_LOGGERS = ("torch.onnx", "torch.export", "torch._dynamo", "onnxscript", "onnx_ir")


class DeployedDetector(nn.Module):
    """A detector as it is deployed: uint8 crops in, scores in [0, 1] out, higher = attack.

    Each family's log-odds are calibrated, scale * log-odds + offset, before their union is taken. A detector with one
    pair of anchors tells attacks and not their families: its family scores have no column.

    With `is_mirrored` every crop is judged together with its mirror image: the family log-odds are averaged. It
    costs a second pass, and a face and its mirror image get the same scores.
    """

    scales: Tensor
    offsets: Tensor

    def __init__(
        self,
        detector: Detector,
        *,
        mean: Sequence[float],
        std: Sequence[float],
        is_mirrored: bool = False,
        scales: Sequence[float] | None = None,
        offsets: Sequence[float] | None = None,
        species: SpeciesHead | None = None,
    ) -> None:
        super().__init__()
        self.detector = detector
        self.species = species
        self.is_mirrored = is_mirrored
        num_families = detector.num_families
        self.num_told = num_families if num_families > 1 else 0
        self.register_buffer("scales", torch.tensor(scales or [1.0] * num_families))
        self.register_buffer("offsets", torch.tensor(offsets or [0.0] * num_families))
        self.mean = tuple(mean)
        self.std = tuple(std)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of what it gives, in order."""
        return OUTPUT_NAMES if self.species is None else (*OUTPUT_NAMES, SPECIES_OUTPUT)

    def forward(self, crop: UInt8[Tensor, "batch size size 3"]) -> tuple[Tensor, ...]:
        """The scores `attack_score` (batch,) and `family_scores` (batch, families), in this order.

        With a species head `species_scores` (batch, species) follows, the mean over both views where there are two.

        Args:
            crop: RGB, HWC, 0..255.
        """
        pixels = normalise(crop, mean=self.mean, std=self.std)
        views = torch.cat((pixels, pixels.flip(3))) if self.is_mirrored else pixels
        evidence = self.detector(views)
        family_logits = self._over_views(evidence.family_logits)
        family_logits = family_logits * self.scales + self.offsets
        attack_score = torch.sigmoid(any_attack_logit(family_logits))
        scores = attack_score, torch.sigmoid(family_logits[:, : self.num_told])
        if self.species is None:
            return scores
        return *scores, self._over_views(self.species(evidence.embedding))

    def _over_views(self, values: Tensor) -> Tensor:
        """The mean over a crop and its mirror image, where both were judged."""
        return values.reshape(2, -1, values.shape[1]).mean(dim=0) if self.is_mirrored else values


def export_onnx(
    detector: Detector,
    contract: InputContract,
    path: Path,
    *,
    is_mirrored: bool = False,
    scales: Sequence[float] | None = None,
    offsets: Sequence[float] | None = None,
    species: SpeciesHead | None = None,
    tolerance: float = TOLERANCE,
    opset: int = 18,
) -> Path:
    """Write a detector as one ONNX file and compare it with torch on random crops.

    The graph takes `crop`, uint8 (batch, size, size, 3) RGB, and gives `attack_score` (batch,) and
    `family_scores` (batch, families), float32 in [0, 1], and with a species head `species_scores` (batch, species). The
    detector itself is left as it is.

    Args:
        detector: On any device, in any mode.
        contract: Size, mean and std of the input.
        path: The file to write.
        is_mirrored: Whether a crop is judged together with its mirror image.
        scales: Of each family's log-odds; 1 when None.
        offsets: Of each family's log-odds; 0 when None.
        species: What tells an attack's species; nothing does when None.
        tolerance: By how much onnxruntime and torch may disagree.
        opset: Of the ONNX operators.

    Raises:
        BundleError: If onnxruntime and torch disagree by more.
    """
    plain = copy.deepcopy(detector).cpu().float()
    deployed = DeployedDetector(
        plain,
        mean=contract.mean,
        std=contract.std,
        is_mirrored=is_mirrored,
        scales=scales,
        offsets=offsets,
        species=species,
    )
    deployed.eval()
    example = random_crops(2, contract.size, seed=0)
    with quiet(), torch.no_grad():
        torch.onnx.export(
            deployed,
            (example,),
            path,
            dynamo=True,
            opset_version=opset,
            input_names=[INPUT_NAME],
            output_names=list(deployed.outputs),
            dynamic_shapes={"crop": {0: torch.export.Dim("batch")}},
            external_data=False,
            verbose=False,
        )
    strip_traces(path)
    verify_parity(deployed, path, size=contract.size, tolerance=tolerance)
    return path


def strip_traces(path: Path) -> None:
    """Remove what the exporter notes of the code it ran, the paths of this machine among it."""
    model = onnx.load(path)
    graph = model.graph
    for part in (graph, *graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""
    onnx.save(model, path)


def verify_parity(deployed: DeployedDetector, path: Path, *, size: int, tolerance: float = TOLERANCE) -> None:
    """Compare the file with torch on one crop and on three.

    Raises:
        BundleError: If a score differs by more than `tolerance`, or is not finite.
    """
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for batch in (1, 3):
        crops = random_crops(batch, size, seed=batch)
        with torch.no_grad():
            expected = deployed(crops)
        found = session.run(list(deployed.outputs), {INPUT_NAME: crops.numpy()})
        for name, wanted, got in zip(deployed.outputs, expected, found, strict=True):
            difference = float(np.abs(wanted.numpy() - got).max(initial=0.0))
            if not difference <= tolerance:
                raise BundleError(
                    f"the exported graph must agree with torch to {tolerance}; {name} differs by {difference:.2g}"
                    f" for {batch} crops: check the exporter's versions, and do not deploy {path}"
                )


def random_crops(batch: int, size: int, *, seed: int) -> UInt8[Tensor, "batch size size 3"]:
    """Crops of uniform noise."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (batch, size, size, 3), dtype=torch.uint8, generator=generator)


@contextmanager
def quiet() -> Iterator[None]:
    """The exporter's own remarks, kept out of the caller's terminal and warning filters."""
    loggers = [logging.getLogger(name) for name in QUIET_LOGGERS]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            for logger in loggers:
                logger.setLevel(logging.ERROR)
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
