"""`nano`: the small detector for a CPU, trained from scratch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from transformers import CLIPVisionConfig, CLIPVisionModel

from bonaface.models.anchors import Anchors
from bonaface.models.detector import Detector, Evidence
from bonaface.models.insertion import insert_experts
from bonaface.models.soft_moe import ExpertsConfig
from bonaface.models.species_telling import SpeciesTelling
from bonaface.models.spectrum import SpectrumStem
from bonaface.models.stem import ConvStem
from bonaface.vocabulary import FAMILIES

STRIDE = 16


@dataclass(frozen=True, slots=True)
class NanoConfig:
    """Settings of `nano`; plain values, ready for JSON.

    Attributes:
        kind: Tells the kinds of models apart.
        image_size: Side of the crop in pixels, a multiple of a token's, 16 times `cells_per_side`.
        hidden_size: Width of the tokens.
        num_layers: Transformer blocks.
        num_heads: Attention heads.
        mlp_ratio: Width inside a block's MLP, as a multiple of `hidden_size`.
        stem: How cells of 16 x 16 pixels become tokens: by a learned `convolution`, or by fixed measurements of
            their `spectrum`, see `models.spectrum`.
        cells_per_side: Of the square of cells that becomes one token, for the `spectrum`; 1 for a `convolution`.
        window_width: Of a learned look at every window of a `spectrum`'s cosine transform, see `models.window_stem`; 0 = none.
        stem_widths: Channels of the convolutions at stride 2, 4 and 8.
        stem_expansion: Of their inverted residuals.
        embedding_size: Width of the embedding that the anchors judge.
        dropout: On the pooled tokens, in training.
        num_families: Pairs of anchors; the families of `vocabulary.FAMILIES`.
        judges_cells: Whether each cell is judged beside the whole crop: training learns from where an attack is, see
            `training.cell_loss`, and what is exported stays the same.
        tells_species: Whether training also asks which species each crop and each cell is of, see `training.species_loss`; wants
            `judges_cells`, and what is exported stays the same.
        experts: The mixture beside each MLP; None = the plain network. Its gate does not start at 0: here nothing is to
            be preserved.
    """

    kind: Literal["nano"] = "nano"
    image_size: int = 160
    hidden_size: int = 128
    num_layers: int = 4
    num_heads: int = 4
    mlp_ratio: int = 2
    stem: Literal["convolution", "spectrum"] = "convolution"
    cells_per_side: int = 1
    window_width: int = 0
    stem_widths: tuple[int, int, int] = (24, 40, 80)
    stem_expansion: int = 2
    embedding_size: int = 64
    dropout: float = 0.1
    num_families: int = len(FAMILIES)
    judges_cells: bool = False
    tells_species: bool = False
    experts: ExpertsConfig | None = field(
        default_factory=lambda: ExpertsConfig(slots_per_expert=8, hidden=32, gate_init=0.1)
    )

    @property
    def patch_size(self) -> int:
        """Pixels on the side of what becomes one token."""
        return STRIDE * self.cells_per_side


class NanoEncoder(nn.Module):
    """A stem, a few CLIP blocks with experts, and one embedding of the class and patch tokens."""

    def __init__(self, config: NanoConfig, *, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        width = config.hidden_size
        self.vision = CLIPVisionModel(
            CLIPVisionConfig(
                hidden_size=width,
                intermediate_size=width * config.mlp_ratio,
                num_hidden_layers=config.num_layers,
                num_attention_heads=config.num_heads,
                image_size=config.image_size,
                patch_size=config.patch_size,
            )
        )
        self.vision.embeddings.patch_embedding = _stem(config, mean, std)  # type: ignore[assignment]
        # The head normalises, and an unused norm would get no gradient.
        self.vision.post_layernorm = nn.Identity()  # type: ignore[assignment]
        if config.experts is not None:
            insert_experts(self.vision, config.experts)
        self.head = nn.Sequential(
            nn.LayerNorm(2 * width), nn.Dropout(config.dropout), nn.Linear(2 * width, config.embedding_size)
        )

    def forward(self, pixels: Float[Tensor, "batch 3 size size"]) -> Float[Tensor, "batch width"]:
        return self.embedding_of(self.tokens_of(pixels))

    def tokens_of(
        self, pixels: Float[Tensor, "batch 3 size size"], *, places: Int[Tensor, "batch seen"] | None = None
    ) -> Float[Tensor, "batch tokens hidden"]:
        """The class token, and a token for each cell, row by row.

        Args:
            pixels: Normalised.
            places: Of the tokens that are looked at, 0 = the class token; None = all.
        """
        if places is None:
            tokens: Tensor = self.vision(pixel_values=pixels).last_hidden_state
            return tokens
        embedded = self.vision.pre_layrnorm(self.vision.embeddings(pixels))
        seen = embedded.gather(1, places[..., None].expand(-1, -1, embedded.shape[2]))
        found: Tensor = self.vision.encoder(inputs_embeds=seen).last_hidden_state
        return found

    def embedding_of(self, tokens: Float[Tensor, "batch tokens hidden"]) -> Float[Tensor, "batch width"]:
        """What the anchors judge."""
        pooled = torch.cat((tokens[:, 0], tokens[:, 1:].mean(dim=1)), dim=-1)
        embedding: Tensor = self.head(pooled)
        return embedding


class CellDetector(Detector):
    """A detector that also says of each cell by itself whether it was attacked.

    Attributes:
        cells: (batch, cells, hidden) tokens -> log-odds of each family.
        telling: (batch, tokens, hidden) tokens -> which species they show; None where nobody asks.
    """

    encoder: NanoEncoder

    def __init__(
        self,
        encoder: NanoEncoder,
        anchors: Anchors,
        *,
        hidden_size: int,
        num_families: int,
        tells_species: bool = False,
    ) -> None:
        super().__init__(encoder, anchors)
        self.cells = nn.Sequential(nn.LayerNorm(hidden_size), nn.Linear(hidden_size, num_families))
        self.telling = SpeciesTelling(hidden_size) if tells_species else None

    def forward(self, pixels: Float[Tensor, "batch 3 size size"]) -> Evidence:
        """Evidence of attack in normalised pixels, as a whole and cell by cell."""
        tokens = self.encoder.tokens_of(pixels)
        evidence = self.evidence_of(self.encoder.embedding_of(tokens))
        told = self.telling(tokens) if self.telling is not None and self.training else None
        return evidence._replace(cell_logits=self.cells(tokens[:, 1:]), told=told)


def _stem(config: NanoConfig, mean: Sequence[float], std: Sequence[float]) -> nn.Module:
    if config.stem == "spectrum":
        return SpectrumStem(
            config.hidden_size,
            mean=mean,
            std=std,
            cells_per_side=config.cells_per_side,
            window_width=config.window_width,
        )
    return ConvStem(
        config.hidden_size, widths=config.stem_widths, expansion=config.stem_expansion, mean=mean, std=std
    )


def build_nano(config: NanoConfig, *, mean: Sequence[float], std: Sequence[float], seed: int) -> Detector:
    """A fresh `nano` detector.

    Args:
        config: Its settings.
        mean: Of the input contract, per channel RGB on values in [0, 1].
        std: As `mean`.
        seed: The same seed gives the same weights; torch's own generator is left as it was.

    Raises:
        ValueError: If tokens do not fill the crop, several cells are asked of a convolution for one, windows are to be looked
            at where none are formed, or species are to be told of cells that are not judged.
    """
    if config.stem == "convolution" and config.cells_per_side != 1:
        raise ValueError(f"cells_per_side must be 1 with a convolution; got {config.cells_per_side}")
    if config.window_width and (config.stem == "convolution" or config.cells_per_side != 1):
        raise ValueError(
            f"window_width must be 0 but with a spectrum of one cell a token; got {config.window_width}"
        )
    if config.tells_species and not config.judges_cells:
        raise ValueError("tells_species wants judges_cells: the names of cells are learned from places too")
    if config.image_size % config.patch_size:
        raise ValueError(f"image_size must be a multiple of {config.patch_size}; got {config.image_size}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder = NanoEncoder(config, mean=mean, std=std)
        anchors = Anchors(config.num_families, config.embedding_size)
        if not config.judges_cells:
            return Detector(encoder, anchors)
        return CellDetector(
            encoder,
            anchors,
            hidden_size=config.hidden_size,
            num_families=config.num_families,
            tells_species=config.tells_species,
        )
