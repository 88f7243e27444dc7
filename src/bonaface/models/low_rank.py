"""A low-rank change of an encoder's attention (LoRA), beside frozen weights and at last added to them.

Reference: Hu et al. 2021 (arXiv 2106.09685), through peft.
"""

from __future__ import annotations

from torch import nn

QUERIES_AND_VALUES = ("q_proj", "v_proj", "query", "value")
"""Names of the two projections that the paper changes, in CLIP, SigLIP and DINO."""


def insert_low_rank(model: nn.Module, *, rank: int) -> None:
    """Put a change of rank `rank` beside every query and value projection, in place; it starts as no change.

    The change is A B x, by a factor of 1; the projection's own weights are left as they are.

    Raises:
        ValueError: If the rank is below 1, or there is no such projection.
    """
    from peft import LoraConfig, inject_adapter_in_model  # noqa: PLC0415

    if rank < 1:
        raise ValueError(f"lora_rank must be at least 1; got {rank}")
    names = {name.rpartition(".")[2] for name, _ in model.named_modules()}
    wanted = [name for name in QUERIES_AND_VALUES if name in names]
    if not wanted:
        raise ValueError(f"LoRA must have queries and values to change; {type(model).__name__} has none")
    inject_adapter_in_model(LoraConfig(r=rank, lora_alpha=rank, target_modules=wanted), model)


def merge_low_rank(model: nn.Module) -> nn.Module:
    """The model with every change added to the weights that it was beside, in place."""
    changed = [(name, module) for name, module in model.named_modules() if hasattr(module, "lora_A")]
    for name, module in changed:
        module.merge()
        parent, _, own = name.rpartition(".")
        setattr(model.get_submodule(parent), own, module.base_layer)
    return model
