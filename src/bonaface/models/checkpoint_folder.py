"""Folders of pretrained networks, as transformers writes them: config.json and safetensors."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.utils import logging

from bonaface.errors import CheckpointError

Shape = tuple[int, ...]
WEIGHTS, SHARDS = "model.safetensors", "model.safetensors.index.json"


def read_config(folder: Path) -> dict[str, Any]:
    """The settings in config.json.

    Raises:
        CheckpointError: If a folder has no config.json or no safetensors, or the settings are cut.
    """
    if not (folder / "config.json").is_file():
        raise CheckpointError(
            f"a checkpoint's folder must hold config.json and {WEIGHTS}; {folder} has no config.json; "
            "weights in OpenAI's layout are given as the file itself"
        )
    if not (folder / WEIGHTS).is_file() and not (folder / SHARDS).is_file():
        raise CheckpointError(
            f"a checkpoint's folder must hold config.json and {WEIGHTS}; {folder} has no {WEIGHTS}; "
            "pickled weights (.bin, .pt) are never read there: convert them"
        )
    if (folder / "adapter_config.json").is_file():
        raise CheckpointError(
            f"{folder} must hold a whole network; adapter_config.json says an adapter is beside it; merge it first"
        )
    return read_json(folder / "config.json")


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        CheckpointError: If the file holds none.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise CheckpointError(f"{path} must hold an object in JSON; it is cut or altered; fetch it again")
    return found


def load_network(
    network: type[PreTrainedModel],
    folder: Path,
    config: PreTrainedConfig,
    *,
    left: re.Pattern[str],
    keywords: Mapping[str, Any] = MappingProxyType({}),
) -> PreTrainedModel:
    """A network with all its weights from a folder, float32; nothing is fetched or unpickled.

    Args:
        network: Its class.
        folder: As `read_config` wants it.
        config: Its settings.
        left: Names of weights that may be there without a place in the network.
        keywords: For the constructor.

    Raises:
        CheckpointError: If the files are cut, or a weight is missing, of another shape or without a place.
    """
    weight_files(folder)
    try:
        with quiet():
            loaded: Any = network.from_pretrained(
                folder,
                config=config,
                dtype=torch.float32,
                use_safetensors=True,
                local_files_only=True,
                ignore_mismatched_sizes=True,
                output_loading_info=True,
                **keywords,
            )
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        said = " ".join(str(error).split())
        raise CheckpointError(
            f"{folder} must hold the weights of its config.json; loading failed: {said}"
        ) from error
    model: PreTrainedModel = loaded[0]
    found = loaded[1]
    shapes = {name: (tuple(here), tuple(wanted)) for name, here, wanted in found["mismatched_keys"]}
    unplaced = {name for name in found["unexpected_keys"] if not left.search(name)}
    refuse_misfits(str(folder), missing=found["missing_keys"], mismatched=shapes, unexpected=unplaced)
    model.eval()  # type: ignore[no-untyped-call]
    return model


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a checkpoint's folder: one, or its shards.

    Raises:
        CheckpointError: If a shard is missing, or the index names none.
    """
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    shards = read_json(folder / SHARDS).get("weight_map")
    names = sorted({str(name) for name in shards.values()}) if isinstance(shards, dict) else []
    if not names:
        raise CheckpointError(
            f"{folder / SHARDS} must name the shards; it names none; fetch the folder again"
        )
    for name in names:
        if Path(name).name != name or not name.endswith(".safetensors") or not (folder / name).is_file():
            raise CheckpointError(
                f"{folder} must hold every shard that its index names; there is no safetensors file {name}; "
                "fetch the folder again"
            )
    return [folder / name for name in names]


def refuse_misfits(
    where: str,
    *,
    missing: Collection[str],
    mismatched: Mapping[str, tuple[Shape, Shape]],
    unexpected: Collection[str],
) -> None:
    """Let pass weights that are exactly those of a network.

    Args:
        where: Named in errors.
        missing: Names that the network has and the checkpoint lacks.
        mismatched: Shapes in the checkpoint and in the network, by name.
        unexpected: Names that the network has no place for.

    Raises:
        CheckpointError: It names the first of them, and says how many there are.
    """
    if mismatched:
        name = min(mismatched)
        here, wanted = mismatched[name]
        raise CheckpointError(
            f"{where} must hold weights that fit its settings; {name} has the shape {here} where {wanted} is needed"
            f"{_more(mismatched)}; fetch weights and settings that belong together"
        )
    if missing:
        raise CheckpointError(
            f"{where} must hold every weight of the network; {min(missing)} is missing{_more(missing)}; "
            "fetch a whole checkpoint"
        )
    if unexpected:
        raise CheckpointError(
            f"{where} must hold no weights but the network's; {min(unexpected)} has no place{_more(unexpected)}; "
            "fetch weights and settings that belong together"
        )


def _more(names: Collection[str]) -> str:
    return f" and {len(names) - 1} more" if len(names) > 1 else ""


@contextmanager
def quiet() -> Iterator[None]:
    """Without transformers' bar and its report of weights, which are judged here."""
    verbosity, has_bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if has_bar:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]
