"""Vision encoders small enough to make in a test, one of every kind, and CLIP written anew as OpenAI lays it out."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from transformers import (
    CLIPConfig,
    CLIPModel,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
    Dinov2Config,
    Dinov2Model,
    Dinov2WithRegistersConfig,
    Dinov2WithRegistersModel,
    DINOv3ViTConfig,
    DINOv3ViTModel,
    PreTrainedModel,
    SiglipConfig,
    SiglipModel,
    SiglipVisionConfig,
    SiglipVisionModel,
    ViTConfig,
    ViTModel,
)

SIZE = 32
TOWER = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
VISION = TOWER | {"intermediate_size": 32, "image_size": SIZE, "patch_size": 8}
DINO = TOWER | {"image_size": SIZE, "patch_size": 8, "mlp_ratio": 2, "layerscale_value": 0.7}
TEXT = TOWER | {
    "intermediate_size": 32,
    "vocab_size": 40,
    "bos_token_id": 38,
    "eos_token_id": 39,
    "max_position_embeddings": 8,
}


def whole_clip() -> CLIPModel:
    """Its joint width, 12, is not what the image encoder's own settings say."""
    vision = VISION | {"projection_dim": 512}
    return CLIPModel(CLIPConfig(text_config=TEXT, vision_config=vision, projection_dim=12))


def whole_siglip() -> SiglipModel:
    return SiglipModel(SiglipConfig(text_config=TEXT, vision_config=VISION))


MAKERS: Mapping[str, Callable[[], PreTrainedModel]] = {
    "clip": whole_clip,
    "clip_vision": lambda: CLIPVisionModelWithProjection(CLIPVisionConfig(**VISION, projection_dim=12)),
    "siglip": whole_siglip,
    "siglip_vision": lambda: SiglipVisionModel(SiglipVisionConfig(**VISION)),
    "dinov2": lambda: Dinov2Model(Dinov2Config(**DINO)),
    "dinov2_gated": lambda: Dinov2Model(Dinov2Config(**DINO, use_swiglu_ffn=True)),
    "dinov2_registers": lambda: Dinov2WithRegistersModel(
        Dinov2WithRegistersConfig(**DINO, num_register_tokens=3)
    ),
    "dinov3": lambda: DINOv3ViTModel(DINOv3ViTConfig(**VISION, num_register_tokens=3)),
    "dinov3_gated": lambda: DINOv3ViTModel(DINOv3ViTConfig(**VISION, use_gated_mlp=True)),
    "dino": lambda: ViTModel(ViTConfig(**VISION)),
}


def tiny_encoder(name: str) -> PreTrainedModel:
    """An encoder whose weights are all random, those that start at 0 or 1 too."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = MAKERS[name]().eval()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.05 * torch.randn_like(parameter))
    return model


def pixels(size: int = SIZE) -> Tensor:
    return torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def embedding_by_transformers(model: PreTrainedModel, pictures: Tensor, **settings: bool) -> Tensor:
    """What transformers' own whole model gives."""
    if isinstance(model, (CLIPModel, SiglipModel)):
        return model.get_image_features(pixel_values=pictures, **settings).pooler_output
    output = model(pixel_values=pictures, **settings)
    if isinstance(model, CLIPVisionModelWithProjection):
        return output.image_embeds
    return output.pooler_output if isinstance(model, SiglipVisionModel) else output.last_hidden_state[:, 0]


class Gelu(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(1.702 * x)


class Block(nn.Module):
    """A block as CLIP's authors wrote it: joined projections, tokens before the batch."""

    def __init__(self, width: int, mask: Tensor | None) -> None:
        super().__init__()
        self.attn = nn.MultiheadAttention(width, width // 64)
        self.ln_1 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            OrderedDict(c_fc=nn.Linear(width, 4 * width), gelu=Gelu(), c_proj=nn.Linear(4 * width, width))
        )
        self.ln_2 = nn.LayerNorm(width)
        self.mask = mask

    def forward(self, x: Tensor) -> Tensor:
        z = self.ln_1(x)
        x = x + self.attn(z, z, z, need_weights=False, attn_mask=self.mask)[0]
        return x + self.mlp(self.ln_2(x))


class Transformer(nn.Module):
    def __init__(self, width: int, layers: int, mask: Tensor | None = None) -> None:
        super().__init__()
        self.resblocks = nn.Sequential(*[Block(width, mask) for _ in range(layers)])

    def forward(self, x: Tensor) -> Tensor:
        return self.resblocks(x.transpose(0, 1)).transpose(0, 1)


class Visual(nn.Module):
    def __init__(self, width: int, layers: int, grid: int, patch: int, joint: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, patch, patch, bias=False)
        self.class_embedding = nn.Parameter(torch.randn(width))
        self.positional_embedding = nn.Parameter(torch.randn(grid**2 + 1, width))
        self.ln_pre, self.ln_post = nn.LayerNorm(width), nn.LayerNorm(width)
        self.transformer = Transformer(width, layers)
        self.proj = nn.Parameter(torch.randn(width, joint) / width**0.5)

    def forward(self, pictures: Tensor) -> Tensor:
        x = self.conv1(pictures).flatten(2).transpose(1, 2)
        x = torch.cat((self.class_embedding.expand(len(x), 1, -1), x), dim=1) + self.positional_embedding
        return self.ln_post(self.transformer(self.ln_pre(x))[:, 0]) @ self.proj


class OpenAiClip(nn.Module):
    """CLIP by its paper and its authors' names of weights: image width 128, text width 64, joint width 24."""

    def __init__(self, *, vocab_size: int = 522, context: int = 12) -> None:
        super().__init__()
        self.visual = Visual(128, 2, grid=4, patch=8, joint=24)
        mask = torch.full((context, context), -torch.inf).triu(1)
        self.transformer = Transformer(64, 3, mask)
        self.token_embedding = nn.Embedding(vocab_size, 64)
        self.positional_embedding = nn.Parameter(torch.randn(context, 64))
        self.ln_final = nn.LayerNorm(64)
        self.text_projection = nn.Parameter(torch.randn(64, 24) / 8)
        self.logit_scale = nn.Parameter(torch.tensor(3.25))

    def encode_text(self, ids: Tensor) -> Tensor:
        x = self.ln_final(self.transformer(self.token_embedding(ids) + self.positional_embedding))
        return x[torch.arange(len(ids)), ids.argmax(dim=-1)] @ self.text_projection


def openai_clip() -> OpenAiClip:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        clip = OpenAiClip().eval()
        with torch.no_grad():
            for name, parameter in clip.named_parameters():
                if name != "logit_scale":
                    parameter.add_(0.05 * torch.randn_like(parameter))
    return clip


def openai_state() -> dict[str, Tensor]:
    """The state dict, with the three numbers that OpenAI's files carry."""
    marks = {"input_resolution": 32, "context_length": 12, "vocab_size": 522}
    return dict(openai_clip().state_dict()) | {name: torch.tensor(one) for name, one in marks.items()}
