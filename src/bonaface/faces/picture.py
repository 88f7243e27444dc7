"""Reading pictures: from hostile bytes to an upright RGB array, or to one sentence about why not."""

from __future__ import annotations

import io
import os
import threading
import warnings
from collections.abc import Iterator, Set
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from bonaface.errors import PictureError
from bonaface.types import Picture
from bonaface.vocabulary import Reason

MAX_PIXELS = 80_000_000
"""Larger pictures are refused by their header, before a pixel is decoded."""

MAX_BYTES = 256 * 1024 * 1024
"""Larger files are refused unread."""

SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"}
)
"""File names that a folder is searched for."""

OTHER_SUFFIXES = frozenset(
    {
        ".heic", ".heif", ".hif", ".avif", ".jxl", ".jp2", ".j2k", ".jpx", ".dib", ".tga",
        ".ico", ".svg", ".psd", ".xcf", ".exr", ".hdr", ".ppm", ".pgm", ".pbm", ".pnm",
        ".dng", ".raw", ".cr2", ".cr3", ".nef", ".nrw", ".arw", ".raf", ".orf", ".rw2", ".pef", ".srw",
    }
)  # fmt: skip
"""File names of pictures too, of kinds that nothing here reads: a folder is not searched for them."""

_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
"""Pillow's names; its JPEG opener gives MPO too, and naming MPO here makes it refuse all that come after."""

_MODES = {"RGB", "L"}

_BITS_PER_SAMPLE = 258
"""TIFF's number of the tag."""

_HEADER = threading.Lock()
"""Warnings belong to the whole process: threads that silence them in turn would leave them silent."""


def read_picture(source: str | Path | bytes | Picture) -> Picture:
    """An upright picture from a file, from encoded bytes, or from an array (which is only checked).

    Args:
        source: A path; or the bytes of an image file; or an array (height, width, 3), uint8, RGB. An array in
            BGR order, as OpenCV reads it, can not be told from RGB: convert it first.

    Returns:
        (height, width, 3) uint8 RGB, turned upright by its EXIF orientation.

    Raises:
        PictureError: If it is not an 8-bit RGB or greyscale still picture of at most `MAX_PIXELS`, or no source at all.
    """
    _check_kind(source)
    if isinstance(source, np.ndarray):
        return _checked_array(source)
    name = "the picture" if isinstance(source, bytes) else str(source)
    data = source if isinstance(source, bytes) else _file_bytes(Path(source))
    if not data:
        raise PictureError(f"{name} is empty (0 bytes); give an image file", reason=Reason.EMPTY_FILE)
    with _decoding(name):
        with _HEADER, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the header check is stricter than Pillow's warnings
            image = Image.open(io.BytesIO(data), formats=_FORMATS)
            _check_header(image, name)
            image.getexif()
        upright = ImageOps.exif_transpose(image)
        return np.array(upright.convert("RGB"))


def pictures_below(folder: Path) -> list[Path]:
    """Every file below `folder` whose name ends like a picture's, sorted; hidden files and folders are left out."""
    return _below(folder, SUFFIXES)


def pictures_and_others_below(folder: Path) -> tuple[list[Path], list[Path]]:
    """As `pictures_below`, and beside them the files whose names end like those of pictures that nothing here reads."""
    pictures: list[Path] = []
    others: list[Path] = []
    for path in _below(folder, SUFFIXES | OTHER_SUFFIXES):
        (pictures if path.suffix.lower() in SUFFIXES else others).append(path)
    return pictures, others


def _below(folder: Path, suffixes: Set[str]) -> list[Path]:
    found: list[Path] = []
    seen: set[str] = set()
    for place, folders, names in os.walk(folder, onerror=_raised, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:  # a link to a folder above
            folders.clear()
            continue
        seen.add(real)
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [
            path
            for path in (Path(place) / name for name in names if not name.startswith("."))
            if path.suffix.lower() in suffixes and path.is_file()
        ]
    return sorted(found)


def _raised(error: OSError) -> None:
    """A folder that can not be looked into is not an empty one; one that is not there is."""
    if not isinstance(error, FileNotFoundError):
        raise error


def _check_kind(source: object) -> None:
    """Raise `PictureError` unless the source is of a kind that a picture can be read from."""
    if isinstance(source, str | os.PathLike | bytes | np.ndarray):
        return
    remedy = "give one of these"
    if isinstance(source, Image.Image):
        remedy = "give numpy.asarray(image.convert('RGB'))"
    elif isinstance(source, list | tuple):
        remedy = "give its pictures one at a time"
    raise PictureError(
        "a source must be a path, the bytes of a file or a (height, width, 3) uint8 RGB array; "
        f"got {type(source).__name__}; {remedy}",
        reason=Reason.INTERNAL_ERROR,
    )


def _file_bytes(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            limit = MAX_BYTES // 2**20
            raise PictureError(
                f"{path} must be at most {limit} MiB; it has {size // 2**20}; resize it",
                reason=Reason.TOO_LARGE,
            )
        return path.read_bytes()
    except FileNotFoundError:
        raise PictureError(
            f"{path} does not exist; give the path of an image", reason=Reason.NOT_FOUND
        ) from None
    except OSError as error:
        raise PictureError(
            f"{path} can not be read ({error.strerror}); check it", reason=Reason.NOT_FOUND
        ) from None
    except ValueError as error:  # a zero byte in the name
        raise PictureError(
            f"{str(path)!r} can not be a path ({error}); give the path of an image", reason=Reason.NOT_FOUND
        ) from None


@contextmanager
def _decoding(name: str) -> Iterator[None]:
    """Every way in which Pillow refuses bytes, as one `PictureError`."""
    try:
        yield
    except PictureError:
        raise
    except UnidentifiedImageError:
        accepted = "JPEG, PNG, WebP, BMP or TIFF"
        raise PictureError(
            f"{name} must be a {accepted} image; it is none", reason=Reason.NOT_AN_IMAGE
        ) from None
    except Image.DecompressionBombError:
        raise PictureError(
            f"{name} must have at most {MAX_PIXELS:,} pixels; its header says far more; resize it",
            reason=Reason.TOO_LARGE,
        ) from None
    except MemoryError:
        raise PictureError(f"{name} does not fit into memory; resize it", reason=Reason.TOO_LARGE) from None
    except Exception as error:  # decoders raise OSError, SyntaxError, ValueError, struct.error and more
        kind = str(error) or type(error).__name__
        raise PictureError(
            f"{name} is a broken image ({kind}); save it again from its source", reason=Reason.BROKEN_IMAGE
        ) from None


def _check_header(image: Image.Image, name: str) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise PictureError(
            f"{name} must have at most {MAX_PIXELS:,} pixels; it has {width} x {height}; resize it",
            reason=Reason.TOO_LARGE,
        )
    if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:  # phones write stills as MPO
        raise PictureError(
            f"{name} must be a still picture; it is an animation or has several pages; give one frame",
            reason=Reason.UNSUPPORTED_IMAGE,
        )
    if _is_deep(image):
        raise PictureError(
            f"{name} must be 8-bit RGB or greyscale without alpha; it has 16 bits a channel; convert it first",
            reason=Reason.UNSUPPORTED_IMAGE,
        )
    if image.mode not in _MODES or "transparency" in image.info:
        colours = {"P": "a palette", "CMYK": "CMYK", "RGBA": "an alpha channel", "LA": "an alpha channel"}
        what = colours.get(image.mode, "transparency" if image.mode in _MODES else f"mode {image.mode}")
        raise PictureError(
            f"{name} must be 8-bit RGB or greyscale without alpha; it has {what}; convert it first",
            reason=Reason.UNSUPPORTED_IMAGE,
        )


def _is_deep(image: Image.Image) -> bool:
    """Whether the file has 16 bits a channel, which Pillow drops to 8 in RGB without a word."""
    layouts = (tile[3] for tile in getattr(image, "tile", ()))
    words = (layout[0] if isinstance(layout, tuple) else layout for layout in layouts)
    if any(str(word).endswith((";16B", ";16L", ";16N")) for word in words):
        return True
    tags = getattr(image, "tag_v2", {}) if image.mode in _MODES else {}
    return bool(
        max(tags.get(_BITS_PER_SAMPLE, (8,))) > 8
    )  # planes by themselves have tiles without such a word


def _checked_array(array: np.ndarray[Any, Any]) -> Picture:
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3 or 0 in array.shape:
        raise PictureError(
            "a picture given as an array must be (height, width, 3) uint8 in RGB order; "
            f"got shape {array.shape} of {array.dtype}; convert it first",
            reason=Reason.UNSUPPORTED_IMAGE,
        )
    if array.shape[0] * array.shape[1] > MAX_PIXELS:
        raise PictureError(
            f"a picture must have at most {MAX_PIXELS:,} pixels; "
            f"got {array.shape[1]} x {array.shape[0]}; resize it",
            reason=Reason.TOO_LARGE,
        )
    return np.ascontiguousarray(array)
