"""Files of weights, read without running anything that is in them."""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from bonaface.errors import CheckpointError, first_line

CONVERSION = (
    "import sys, torch; from safetensors.torch import save_file; "
    "state = torch.jit.load(sys.argv[1], map_location='cpu').state_dict(); "
    "save_file({name: one.contiguous().clone() for name, one in state.items()}, sys.argv[2])"
)
"""Turns a TorchScript archive into safetensors. It runs the archive's code: only for one from a trusted place."""


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file, or of a file that `torch.save` wrote; nothing else is unpickled.

    Raises:
        CheckpointError: If the file is none of both, is a TorchScript archive, or holds other things than tensors.
    """
    if is_torchscript(path):
        raise CheckpointError(
            f"{path} must be a state dict; it is a TorchScript archive, which holds code; where you trust it, convert "
            f'it: python -c "{CONVERSION}" {path.name} {path.stem}.safetensors'
        )
    try:
        found: object = load_file(path) if path.suffix == ".safetensors" else _read_torch(path)
    except Exception as error:  # a broken pickle raises whatever its bytes lead to
        # What torch says here ends with how to load the file unsafely.
        is_told = isinstance(error, (OSError, SafetensorError))
        said = first_line(error) if is_told else "unreadable or unsafe"
        raise CheckpointError(
            f"{path} must be a safetensors file, or one that torch.save wrote of a state dict of tensors alone; "
            f"reading failed ({said}); save the state dict as safetensors"
        ) from None
    if not isinstance(found, dict):
        raise CheckpointError(
            f"{path} must hold a state dict; it holds a {type(found).__name__}; save that alone"
        )
    for name, one in found.items():
        if not isinstance(one, Tensor):
            raise CheckpointError(
                f"{path} must hold tensors alone; {name} is a {type(one).__name__}; save the state dict alone"
            )
    return found


def _read_torch(path: Path) -> object:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about pickles that torch did not write; they are refused anyway
        return torch.load(path, map_location="cpu", weights_only=True)


def is_torchscript(path: Path) -> bool:
    """Whether a file is a TorchScript archive, as OpenAI publishes CLIP."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())
