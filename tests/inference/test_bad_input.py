"""Whatever comes in: no_decision with its reason, one sentence, no exception, never bonafide."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from bonaface.inference.gate import load
from faces.portraits import admiral, astronaut
from tiny_bundle import tiny_bundle


@pytest.fixture(scope="module")
def lenient(tmp_path_factory):
    """A bundle that calls every face bonafide: what it refuses is refused before the model."""
    return load(tiny_bundle(tmp_path_factory.mktemp("bundle") / "lenient", threshold=1.0, when_alone=0.0))


def encoded(picture, kind="PNG", mode="RGB", **options):
    file = io.BytesIO()
    Image.fromarray(picture).convert(mode).save(file, kind, **options)
    return file.getvalue()


def png_header(width, height):
    """A PNG that says how large it is, and holds nothing."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 64)) + chunk(b"IEND", b"")


def animation(kind):
    file = io.BytesIO()
    frames = [Image.fromarray(astronaut()), Image.fromarray(255 - astronaut())]
    frames[0].save(file, kind, save_all=True, append_images=frames[1:])
    return file.getvalue()


def deep():
    file = io.BytesIO()
    Image.fromarray(astronaut()[..., 0].astype(np.uint16) * 257).save(file, "PNG")
    return file.getvalue()


BAD = {
    "text": (lambda: b"this is no picture", "not_an_image"),
    "html": (lambda: b"<html><img src=x></html>", "not_an_image"),
    "pickle": (lambda: b"\x80\x04cos\nsystem\n(S'true'\ntR.", "not_an_image"),
    "zeros": (lambda: bytes(5000), "not_an_image"),
    "svg": (lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not_an_image"),
    "empty": (lambda: b"", "empty_file"),
    "truncated jpeg": (lambda: encoded(astronaut(), "JPEG")[:9000], "broken_image"),
    "truncated png": (lambda: encoded(astronaut())[:9000], "broken_image"),
    "huge header": (lambda: png_header(50_000, 50_000), "too_large"),
    "animated gif": (lambda: animation("GIF"), "unsupported_image"),
    "animated png": (lambda: animation("PNG"), "unsupported_image"),
    "animated webp": (lambda: animation("WEBP"), "unsupported_image"),
    "pages": (lambda: animation("TIFF"), "unsupported_image"),
    "cmyk": (lambda: encoded(astronaut(), "JPEG", "CMYK"), "unsupported_image"),
    "16 bits": (deep, "unsupported_image"),
    "alpha": (lambda: encoded(astronaut(), "PNG", "RGBA"), "unsupported_image"),
    "palette": (lambda: encoded(astronaut(), "PNG", "P"), "unsupported_image"),
    "bitmap": (lambda: encoded(astronaut(), "PNG", "1"), "unsupported_image"),
    "no face": (lambda: encoded(np.full((300, 300, 3), 120, np.uint8)), "no_face"),
    "noise": (lambda: encoded(np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8)), "no_face"),
    "one pixel": (lambda: encoded(np.zeros((1, 1, 3), np.uint8)), "no_face"),
    "a sliver": (lambda: encoded(np.zeros((1, 9000, 3), np.uint8)), "no_face"),
    "upside down": (lambda: encoded(admiral()[::-1]), "no_face"),
    "tiny face": (
        lambda: encoded(np.asarray(Image.fromarray(astronaut()).resize((256, 256)))),
        "face_too_small",
    ),
}


def refused(verdict, reason):
    assert (verdict.outcome, verdict.reason) == ("no_decision", reason)
    assert verdict.attack_score is None
    assert "\n" not in verdict.detail
    assert verdict.detail
    return True


def test_the_gate_of_these_tests_lets_everything_else_pass(lenient):
    assert lenient(encoded(astronaut())).outcome == "bonafide"
    assert lenient(encoded(admiral(), "JPEG", "L")).outcome == "bonafide"  # greyscale is fine


@pytest.mark.parametrize("kind", BAD)
def test_as_bytes_and_as_a_file(lenient, tmp_path, kind):
    make, reason = BAD[kind]
    (tmp_path / "picture.jpg").write_bytes(make())
    assert refused(lenient(tmp_path / "picture.jpg"), reason)
    assert refused(lenient(make()), reason)
    assert [refused(one, reason) for one in lenient.every_face(make())] == [True]


@pytest.mark.parametrize(
    "path",
    ["nowhere.jpg", "a\0b.jpg", "", ".", "x" * 400 + ".jpg", "\udcff.jpg", "http://127.0.0.1/face.jpg"],
)
def test_paths_without_a_picture(lenient, path):
    assert refused(lenient(path), "not_found")


def test_a_folder_is_no_picture(lenient, tmp_path):
    assert refused(lenient(tmp_path), "not_found")


def test_a_file_too_long_to_read(lenient, tmp_path):
    with (tmp_path / "long.jpg").open("wb") as file:
        file.truncate(300 * 2**20)  # sparse: no bytes are written
    assert refused(lenient(tmp_path / "long.jpg"), "too_large")


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((64, 64), np.uint8),
        np.zeros((64, 64, 4), np.uint8),
        np.zeros((3, 64, 64), np.uint8),
        np.zeros((64, 64, 3), np.float32),
        np.zeros((64, 64, 3), np.uint16),
        np.zeros((0, 64, 3), np.uint8),
        np.zeros((2, 64, 64, 3), np.uint8),
        np.array(None),
    ],
    ids=lambda array: f"{array.shape} {array.dtype}",
)
def test_arrays_that_are_no_picture(lenient, array):
    assert refused(lenient(array), "unsupported_image")


@pytest.mark.parametrize(
    ("source", "got"),
    [
        (None, "NoneType; give one of these"),
        (7, "int; give one of these"),
        (["a.jpg"], "list; give its pictures one at a time"),
        (object(), "object; give one of these"),
        (bytearray(b"x"), "bytearray; give one of these"),
        (Image.new("RGB", (8, 8)), "Image; give numpy.asarray(image.convert('RGB'))"),
    ],
    ids=["none", "number", "list", "object", "bytearray", "pillow"],
)
def test_things_that_are_no_source(lenient, source, got):
    verdict = lenient(source)
    assert refused(verdict, "internal_error")
    assert verdict.detail == (
        f"a source must be a path, the bytes of a file or a (height, width, 3) uint8 RGB array; got {got}"
    )


def test_an_array_larger_than_any_picture(lenient):
    endless = np.broadcast_to(np.zeros((1, 1, 3), np.uint8), (50_000, 50_000, 3))
    assert refused(lenient(endless), "too_large")
