"""`peer.json`: what another project's ONNX model takes and gives, declared, so that the same code can measure it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import pydantic

from bonaface.bundle import MODEL, ModelFile, describe_model
from bonaface.digest import sha256_of
from bonaface.errors import BundleError, did_you_mean
from bonaface.vocabulary import Family

PEER = "peer.json"
MAX_SIZE = 4096
_NO_OTHER_KEYS = pydantic.ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True)
class PeerCrop:
    """Which part of the picture the model sees.

    Attributes:
        box: The face box that it was made for. `brows_square`: the square from the brows to the chin that every finder
            here gives. `face_rectangle`: from forehead to chin, higher than wide, as RetinaFace, MTCNN, SCRFD and
            YuNet give it. `face_square`: the square about that, of its height.
        scale: The box's width and height are multiplied by it about the centre. A margin of m on every edge is a scale
            of 1 + 2 m.
        outside: What happens where that reaches outside the picture. `shift`: it shrinks to the picture if it is
            larger and moves inside. `clip`: it is cut off at the edge. `reflect`, `edge`, `black`: what stands there.
        min_face_px: Faces whose box is smaller than this, as the finder gives it, get no decision.
    """

    __pydantic_config__: ClassVar[pydantic.ConfigDict] = _NO_OTHER_KEYS

    box: Literal["brows_square", "face_rectangle", "face_square"]
    scale: float
    outside: Literal["shift", "clip", "reflect", "edge", "black"]
    min_face_px: int = 1


@dataclass(frozen=True, slots=True)
class PeerInput:
    """How the crop becomes the model's input.

    Attributes:
        size: (height, width) in pixels.
        interpolation: `linear`, `cubic` and `area` are OpenCV's; `smooth_linear` and `smooth_cubic` are Pillow's, which
            average when shrinking, as torchvision does.
        layout: Order of the dimensions.
        channels: Order of the colours.
        dtype: Of the values; uint8 takes them as they are.
        values: `0_255`: as they are. `0_1`: divided by 255.
        mean: Taken from each channel after that, in the order of `channels`.
        std: What each channel is divided by after that, likewise.
        name: Of the model's input; may be left out when there is only one.
    """

    __pydantic_config__: ClassVar[pydantic.ConfigDict] = _NO_OTHER_KEYS

    size: tuple[int, int]
    interpolation: Literal["linear", "cubic", "area", "smooth_linear", "smooth_cubic"]
    layout: Literal["NCHW", "NHWC"]
    channels: Literal["RGB", "BGR"]
    dtype: Literal["float32", "uint8"]
    values: Literal["0_255", "0_1"]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    name: str | None = None

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Of the model's input, one crop alone."""
        return (1, 3, *self.size) if self.layout == "NCHW" else (1, *self.size, 3)


@dataclass(frozen=True, slots=True)
class PeerOutput:
    """How the model's output becomes an attack score. One of the two indices or `polarity` must be there.

    Attributes:
        activation: What is still to be applied to the output; `none` when the graph gives probabilities.
        bonafide_index: Of the bona fide class in a vector; all other classes are attacks.
        attack_index: Of the only attack class in a vector.
        polarity: Which class has the high numbers, of a single number.
        pooling: `mean` averages a map of such numbers, after the activation.
        name: Of the model's output; may be left out when there is only one.
    """

    __pydantic_config__: ClassVar[pydantic.ConfigDict] = _NO_OTHER_KEYS

    activation: Literal["none", "softmax", "sigmoid"]
    bonafide_index: int | None = None
    attack_index: int | None = None
    polarity: Literal["attack_high", "bonafide_high"] | None = None
    pooling: Literal["none", "mean"] = "none"
    name: str | None = None


@dataclass(frozen=True, slots=True)
class PeerContract:
    """All of `peer.json`. What would change a score has no default.

    Attributes:
        name: As verdicts and reports carry it.
        family: The attacks that it was made for, and so what its evidence is called.
        finder: Finds its faces.
        crop: Which part of the picture it sees.
        input: How that becomes its input.
        output: How its output becomes an attack score.
        threshold: At or above it a verdict is attack; rates are measured at a threshold of their own.
        sha256: Of the file `model.onnx`, checked where it is given; of weights in files beside it it says nothing.
        source: Where it comes from.
        licence: Of the weights.
    """

    __pydantic_config__: ClassVar[pydantic.ConfigDict] = _NO_OTHER_KEYS

    name: str
    family: Family
    finder: Literal["dlib_hog", "yunet"]
    crop: PeerCrop
    input: PeerInput
    output: PeerOutput
    threshold: float = 0.5
    sha256: str | None = None
    source: str = ""
    licence: str = ""


@dataclass(frozen=True, slots=True)
class PeerCard:
    """What is known of a peer, under the names that a bundle's card has.

    Attributes:
        contract: Its `peer.json`.
        model: The model's file.
        families: Of its family scores: none.
    """

    contract: PeerContract
    model: ModelFile
    families: tuple[str, ...] = field(default=(), init=False)

    @property
    def id(self) -> str:
        """Its name, as verdicts carry it."""
        return self.contract.name


def read_peer_card(folder: Path) -> PeerCard:
    """Read and check `peer.json`, and the model's hash where it gives one.

    Raises:
        BundleError: If a file is missing, a key is unknown or missing, or a value does not fit.
    """
    for name in (PEER, MODEL):
        if not (folder / name).is_file():
            raise BundleError(
                f"{folder} must be a peer's folder with {PEER} and {MODEL}; it has no {name}; add it"
            )
    path = folder / PEER
    try:
        contract = pydantic.TypeAdapter(PeerContract).validate_json(path.read_bytes(), strict=True)
    except pydantic.ValidationError as error:
        raise BundleError(f"{path}: {_sentence(error)}") from None
    if problems := _problems(contract):
        raise BundleError(f"{path}: {problems[0]}")
    model = describe_model(folder / MODEL)
    if contract.sha256 not in {None, model.sha256}:
        raise BundleError(
            f"{folder / MODEL} must have the sha256 {str(contract.sha256)[:12]}...; it has {model.sha256[:12]}...; "
            f"get the model again, or correct {PEER}"
        )
    return PeerCard(contract, _with_weights_beside(folder, model))


def _with_weights_beside(folder: Path, model: ModelFile) -> ModelFile:
    """The model, its hash over the folder's other files too: large models have their weights in files beside the graph."""
    beside = sorted(path for path in folder.iterdir() if path.is_file() and path.name not in {PEER, MODEL})
    if not beside:
        return model
    known = [model.sha256, *(f"{path.name} {sha256_of(path)}" for path in beside)]
    return replace(model, sha256=hashlib.sha256("\n".join(known).encode()).hexdigest())


def _sentence(error: pydantic.ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"]))
    if first["type"] == "unexpected_keyword_argument":
        kinds = {"crop": PeerCrop, "input": PeerInput, "output": PeerOutput}
        kind = kinds[str(first["loc"][0])] if len(first["loc"]) > 1 else PeerContract
        known = [one.name for one in fields(kind)]
        tail = did_you_mean(str(first["loc"][-1]), known) or f"; the keys there are {', '.join(known)}"
        return f"there is no key '{where}'{tail}"
    came = "" if first["type"] in {"missing", "json_invalid"} else f"; got {first['input']!r}"
    return f"{where}{': ' if where else ''}{first['msg']}{came}"


def _problems(contract: PeerContract) -> list[str]:
    """What fits its type and yet could not be carried out, each as a sentence."""
    crop, given, output = contract.crop, contract.input, contract.output
    ways = [
        name for name in ("bonafide_index", "attack_index", "polarity") if getattr(output, name) is not None
    ]
    rules = (
        (bool(contract.name), "name must be a word; it is empty; name the model"),
        (0 <= contract.threshold <= 1, f"threshold must be in [0, 1]; got {contract.threshold}; correct it"),
        (0.1 <= crop.scale <= 10, f"crop.scale must be 0.1 to 10; got {crop.scale}; correct it"),
        (crop.min_face_px >= 1, f"crop.min_face_px must be at least 1; got {crop.min_face_px}; correct it"),
        (
            all(1 <= side <= MAX_SIZE for side in given.size),
            f"input.size must be 1 to {MAX_SIZE} pixels; got {list(given.size)}; correct it",
        ),
        (
            bool(np.isfinite([*given.mean, *given.std]).all()) and 0 not in given.std,
            f"input.mean and input.std must be finite, std not 0; got {list(given.mean)} and {list(given.std)}; "
            "correct them",
        ),
        (
            given.dtype == "float32" or (given.values, {*given.mean}, {*given.std}) == ("0_255", {0}, {1}),
            "input.dtype uint8 must come with values 0_255, mean 0 and std 1; it does not; correct one of them",
        ),
        (
            len(ways) == 1,
            f"output must have one of bonafide_index, attack_index and polarity; got {' and '.join(ways) or 'none'}; "
            "keep one",
        ),
        (
            not {"bonafide_index", "attack_index"} & {*ways} or output.pooling == "none",
            "output.pooling averages single numbers and must come with polarity; got an index; correct one of them",
        ),
        (
            output.polarity is None or output.activation != "softmax",
            "output.activation softmax must come with an index; got polarity, and the softmax of one number is 1; "
            "declare sigmoid or an index",
        ),
    )
    return [sentence for is_kept, sentence in rules if not is_kept]
