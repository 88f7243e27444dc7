import pytest
import torch
from torch import nn
from transformers.activations import ACT2FN
from transformers.models.clip.modeling_clip import CLIPMLP, CLIPVisionConfig
from transformers.models.dinov2.modeling_dinov2 import Dinov2Config, Dinov2MLP, Dinov2SwiGLUFFN
from transformers.models.siglip.modeling_siglip import SiglipMLP, SiglipVisionConfig
from transformers.models.vit.modeling_vit import ViTConfig, ViTMLP

from bonaface.errors import RecipeError
from bonaface.models.upcycling import ACTIVATIONS, dense_mlp

SIZES = {"hidden_size": 6, "intermediate_size": 10, "num_attention_heads": 2}


def tokens() -> torch.Tensor:
    return torch.randn(2, 5, 6, generator=torch.Generator().manual_seed(1))


def own(*parts: nn.Module) -> nn.Module:
    return nn.Sequential(*parts)


@pytest.mark.parametrize(
    ("make", "activation"),
    [
        (lambda: CLIPMLP(CLIPVisionConfig(**SIZES)), "quick_gelu"),
        (lambda: SiglipMLP(SiglipVisionConfig(**SIZES)), "gelu_tanh"),
        (lambda: Dinov2MLP(Dinov2Config(hidden_size=6, mlp_ratio=2)), "gelu"),
        (lambda: ViTMLP(ViTConfig(**SIZES)), "gelu"),
        (lambda: own(nn.Linear(6, 4), nn.Identity(), nn.Linear(4, 6), nn.Dropout()), "identity"),
        (lambda: own(nn.Linear(6, 4, bias=False), nn.GELU(), nn.Linear(4, 6, bias=False)), "gelu"),
    ],
)
def test_an_mlp_read_is_the_mlp(make, activation):
    torch.manual_seed(0)
    dense = make().eval()
    found = dense_mlp(dense, 6)
    assert found.activation == activation
    inner = ACTIVATIONS[found.activation](tokens() @ found.first + found.first_bias)
    torch.testing.assert_close(inner @ found.last + found.last_bias, dense(tokens()))
    assert found.hidden == found.last.shape[0]


@pytest.mark.parametrize(
    ("dense", "sentence"),
    [
        (
            own(nn.Linear(6, 4), nn.GELU()),
            "must have two linear maps and one activation; got Sequential with 1 and 1",
        ),
        (own(nn.Linear(6, 4), nn.Linear(4, 6)), "got Sequential with 2 and 0"),
        (
            own(nn.Linear(6, 4), nn.GELU(), nn.Linear(4, 8)),
            "from 6 to 6 through one width; got 6 to 4, 4 to 8",
        ),
        (own(nn.Linear(5, 4), nn.GELU(), nn.Linear(4, 6)), "got 5 to 4, 4 to 6"),
        (
            own(nn.Linear(6, 4), ACT2FN["silu"], nn.Linear(4, 6)),
            "must be quick_gelu, gelu, gelu_tanh, identity; got SiLUActivation",
        ),
    ],
)
def test_what_is_no_such_mlp_is_refused(dense, sentence):
    with pytest.raises(RecipeError, match=sentence):
        dense_mlp(dense, 6)


def test_a_gated_mlp_is_refused():
    with pytest.raises(RecipeError, match="got Dinov2SwiGLUFFN with 3 and 1"):
        dense_mlp(Dinov2SwiGLUFFN(Dinov2Config(hidden_size=6, mlp_ratio=2)), 6)
