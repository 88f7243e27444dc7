from __future__ import annotations

import io
import os
import struct
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from PIL import Image

from bonaface.errors import PictureError
from bonaface.faces import picture
from bonaface.faces.picture import (
    MAX_BYTES,
    MAX_PIXELS,
    OTHER_SUFFIXES,
    SUFFIXES,
    pictures_and_others_below,
    pictures_below,
    read_picture,
)
from bonaface.vocabulary import Reason


def noise(height: int = 24, width: int = 16, channels: int = 3) -> np.ndarray:
    shape = (height, width, channels) if channels > 1 else (height, width)
    return np.random.default_rng(height * width).integers(0, 256, shape, np.uint8)


def encoded(image: Image.Image | np.ndarray, kind: str, **options) -> bytes:
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def png_that_claims(width: int, height: int) -> bytes:
    """A complete PNG file, byte by byte, whose pixels are missing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def refused(source) -> PictureError:
    """The error, which must be one line that says what must be, what came and what to do."""
    with pytest.raises(PictureError) as caught:
        read_picture(source)
    message = str(caught.value)
    assert "\n" not in message
    assert not message.endswith(".")
    assert ";" in message
    return caught.value


def test_text_is_no_image():
    error = refused(b"<html>no picture here</html>")
    assert error.reason is Reason.NOT_AN_IMAGE
    assert str(error) == "the picture must be a JPEG, PNG, WebP, BMP or TIFF image; it is none"


def test_an_image_of_another_format_is_refused():
    assert refused(encoded(noise(), "ICO")).reason is Reason.NOT_AN_IMAGE


def test_no_bytes():
    error = refused(b"")
    assert error.reason is Reason.EMPTY_FILE
    assert str(error) == "the picture is empty (0 bytes); give an image file"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF"])
def test_a_file_cut_in_the_middle_is_broken(kind):
    whole = encoded(noise(96, 64), kind)
    error = refused(whole[: len(whole) // 2])
    assert error.reason is Reason.BROKEN_IMAGE
    assert str(error).startswith("the picture is a broken image (")
    assert str(error).endswith("; save it again from its source")


def test_every_cut_of_a_jpeg_and_a_png_is_refused_or_whole():
    pixels = noise(12, 12)
    for kind in ("JPEG", "PNG"):
        whole = encoded(pixels, kind)
        expected = read_picture(whole)
        for length in range(0, len(whole), 7):
            try:
                read = read_picture(whole[:length])
            except PictureError as error:
                assert error.reason in {Reason.EMPTY_FILE, Reason.NOT_AN_IMAGE, Reason.BROKEN_IMAGE}
            else:  # only the end marker is missing
                np.testing.assert_array_equal(read, expected)


@pytest.mark.parametrize(
    ("width", "height", "says"),
    [
        (50_000, 50_000, "its header says far more"),  # where Pillow refuses
        (10_000, 9_999, "it has 10000 x 9999"),  # where Pillow only warns
        (8_001, 10_000, "it has 8001 x 10000"),  # where Pillow is silent
    ],
)
def test_a_header_that_claims_too_many_pixels(width, height, says):
    error = refused(png_that_claims(width, height))
    assert error.reason is Reason.TOO_LARGE
    assert str(error) == f"the picture must have at most 80,000,000 pixels; {says}; resize it"


def test_a_header_within_the_limit_goes_on_to_the_pixels():
    assert refused(png_that_claims(300, 200)).reason is Reason.BROKEN_IMAGE


def test_a_header_does_not_change_the_warnings_of_the_caller():
    before = list(warnings.filters)
    refused(png_that_claims(10_000, 9_999))
    assert warnings.filters == before


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_an_animation_or_pages_are_refused(kind):
    frames = [Image.fromarray(np.full((8, 8, 3), value, np.uint8)) for value in (0, 100, 200)]
    error = refused(encoded(frames[0], kind, save_all=True, append_images=frames[1:]))
    assert error.reason is Reason.UNSUPPORTED_IMAGE
    assert "must be a still picture; it is an animation or has several pages; give one frame" in str(error)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (encoded(Image.fromarray(noise()).convert("CMYK"), "JPEG"), "CMYK"),
        (encoded(noise(channels=1).astype(np.uint16) * 257, "PNG"), "16 bits a channel"),
        (cv2.imencode(".png", noise().astype(np.uint16) * 257)[1].tobytes(), "16 bits a channel"),
        (cv2.imencode(".tiff", noise().astype(np.uint16) * 257)[1].tobytes(), "16 bits a channel"),
        (encoded(noise(channels=4), "PNG"), "an alpha channel"),
        (encoded(noise(channels=4), "WEBP", lossless=True), "an alpha channel"),
        (encoded(Image.fromarray(noise()).convert("LA"), "PNG"), "an alpha channel"),
        (encoded(Image.fromarray(noise()).convert("P"), "PNG"), "a palette"),
        (encoded(Image.fromarray(noise()).convert("P"), "PNG", transparency=0), "a palette"),
        (encoded(noise(), "GIF"), "a palette"),
        (encoded(noise(), "PNG", transparency=(1, 2, 3)), "transparency"),
        (encoded(noise(channels=1), "PNG", transparency=7), "transparency"),
        (encoded(Image.fromarray(noise()).convert("1"), "PNG"), "mode 1"),
        (encoded(noise(channels=1).astype(np.float32), "TIFF"), "mode F"),
    ],
)
def test_what_is_not_8_bit_rgb_or_greyscale_is_refused(data, what):
    error = refused(data)
    assert error.reason is Reason.UNSUPPORTED_IMAGE
    assert str(error) == (
        f"the picture must be 8-bit RGB or greyscale without alpha; it has {what}; convert it first"
    )


def test_a_path_that_does_not_exist(tmp_path):
    error = refused(tmp_path / "nobody.jpg")
    assert error.reason is Reason.NOT_FOUND
    assert str(error) == f"{tmp_path}/nobody.jpg does not exist; give the path of an image"


def test_a_folder_as_path(tmp_path):
    error = refused(tmp_path)
    assert error.reason is Reason.NOT_FOUND
    assert str(error) == f"{tmp_path} can not be read (Is a directory); check it"


def test_a_path_with_a_zero_byte():
    error = refused("portrait\0.jpg")
    assert error.reason is Reason.NOT_FOUND
    assert (
        str(error) == "'portrait\\x00.jpg' can not be a path (embedded null byte); give the path of an image"
    )


def test_an_empty_file(tmp_path):
    path = tmp_path / "empty.jpg"
    path.touch()
    error = refused(path)
    assert error.reason is Reason.EMPTY_FILE
    assert str(error) == f"{path} is empty (0 bytes); give an image file"


def test_a_file_of_too_many_bytes_is_refused_unread(tmp_path):
    path = tmp_path / "huge.jpg"
    path.touch()
    os.truncate(path, MAX_BYTES + 2**20)  # a hole: it takes no room on the disk
    error = refused(path)
    assert error.reason is Reason.TOO_LARGE
    assert str(error) == f"{path} must be at most 256 MiB; it has 257; resize it"


def test_a_picture_that_does_not_fit_into_memory(monkeypatch):
    def full(*args, **kwargs):
        raise MemoryError

    monkeypatch.setattr(picture.Image, "open", full)
    error = refused(encoded(noise(), "PNG"))
    assert error.reason is Reason.TOO_LARGE
    assert str(error) == "the picture does not fit into memory; resize it"


def test_a_decoder_that_fails_without_a_word_is_named(monkeypatch):
    def failing(*args, **kwargs):
        raise struct.error

    monkeypatch.setattr(picture.Image, "open", failing)
    error = refused(encoded(noise(), "PNG"))
    assert error.reason is Reason.BROKEN_IMAGE
    assert "(error)" in str(error)


UPRIGHT = [[1, 2, 3], [4, 5, 6]]
STORED = {  # EXIF 2.32, tag 0x0112: where the 0th row and the 0th column of what is stored belong
    1: [[1, 2, 3], [4, 5, 6]],  # top, left
    2: [[3, 2, 1], [6, 5, 4]],  # top, right
    3: [[6, 5, 4], [3, 2, 1]],  # bottom, right
    4: [[4, 5, 6], [1, 2, 3]],  # bottom, left
    5: [[1, 4], [2, 5], [3, 6]],  # left, top
    6: [[3, 6], [2, 5], [1, 4]],  # right, top
    7: [[6, 3], [5, 2], [4, 1]],  # right, bottom
    8: [[4, 1], [5, 2], [6, 3]],  # left, bottom
}


def plates(values: list[list[int]]) -> np.ndarray:
    """Every value as a 16 x 16 plate of grey, so that JPEG keeps it."""
    return np.repeat(np.kron(np.array(values) * 40, np.ones((16, 16))).astype(np.uint8)[..., None], 3, axis=2)


def oriented(kind: str, orientation: int, **options) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(plates(STORED[orientation]), kind, exif=exif, **options)


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_exif_orientation_turns_the_picture_upright(kind, orientation):
    np.testing.assert_array_equal(read_picture(oriented(kind, orientation)), plates(UPRIGHT))


@pytest.mark.parametrize("orientation", STORED)
def test_exif_orientation_of_a_jpeg(orientation):
    read = read_picture(oriented("JPEG", orientation, quality=98)).astype(int)
    assert read.shape == plates(UPRIGHT).shape
    assert np.abs(read - plates(UPRIGHT)).max() <= 2


@pytest.mark.parametrize("exif", [b"Exif\0\0", b"Exif\0\0garbage", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"])
def test_broken_exif_leaves_the_picture_as_stored(exif):
    assert read_picture(encoded(plates(UPRIGHT), "JPEG", exif=exif)).shape == plates(UPRIGHT).shape


def test_an_orientation_that_does_not_exist_changes_nothing():
    exif = Image.Exif()
    exif[0x0112] = 9
    np.testing.assert_array_equal(read_picture(encoded(noise(), "PNG", exif=exif)), noise())


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
def test_lossless_files_give_their_pixels(kind, tmp_path):
    path = tmp_path / f"picture.{kind.lower()}"
    path.write_bytes(encoded(noise(), kind))
    for source in (path, str(path), path.read_bytes()):
        read = read_picture(source)
        assert read.dtype == np.uint8
        np.testing.assert_array_equal(read, noise())


def test_lossless_webp_gives_its_pixels():
    np.testing.assert_array_equal(read_picture(encoded(noise(), "WEBP", lossless=True)), noise())


@pytest.mark.parametrize(("name", "rgb"), [("red", (255, 0, 0)), ("blue", (0, 0, 255))])
def test_the_order_is_rgb(name, rgb):
    np.testing.assert_array_equal(read_picture(encoded(Image.new("RGB", (2, 1), name), "PNG")), [[rgb, rgb]])


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_greyscale_gives_three_equal_channels(kind):
    grey = np.tile(np.arange(0, 256, 8, np.uint8), (16, 1))
    read = read_picture(encoded(grey, kind, **({"quality": 98} if kind == "JPEG" else {})))
    assert read.shape == (16, 32, 3)
    assert (read == read[..., :1]).all()
    assert np.abs(read[..., 0].astype(int) - grey).max() <= 3


def test_of_an_mpo_the_first_picture_counts():
    first, second = (Image.new("RGB", (16, 16), name) for name in ("white", "black"))
    data = encoded(first, "MPO", save_all=True, append_images=[second])
    assert Image.open(io.BytesIO(data)).n_frames == 2
    assert (read_picture(data) == 255).all()


@pytest.mark.parametrize(
    ("array", "got"),
    [
        (np.zeros((4, 4, 3), np.float32), "(4, 4, 3) of float32"),
        (np.zeros((4, 4, 3), np.uint16), "(4, 4, 3) of uint16"),
        (np.zeros((4, 4, 3), np.int64), "(4, 4, 3) of int64"),
        (np.zeros((4, 4, 3), bool), "(4, 4, 3) of bool"),
        (np.zeros((4, 4), np.uint8), "(4, 4) of uint8"),
        (np.zeros((4, 4, 4), np.uint8), "(4, 4, 4) of uint8"),
        (np.zeros((3, 4, 4), np.uint8), "(3, 4, 4) of uint8"),
        (np.zeros((1, 4, 4, 3), np.uint8), "(1, 4, 4, 3) of uint8"),
        (np.zeros((0, 4, 3), np.uint8), "(0, 4, 3) of uint8"),
        (np.array(None), "() of object"),
    ],
)
def test_other_arrays_are_refused(array, got):
    error = refused(array)
    assert error.reason is Reason.UNSUPPORTED_IMAGE
    assert str(error) == (
        "a picture given as an array must be (height, width, 3) uint8 in RGB order; "
        f"got shape {got}; convert it first"
    )


def test_an_array_of_too_many_pixels_is_refused():
    wide = np.broadcast_to(np.uint8(0), (1, MAX_PIXELS + 1, 3))  # takes one byte
    error = refused(wide)
    assert error.reason is Reason.TOO_LARGE
    assert str(error) == "a picture must have at most 80,000,000 pixels; got 80000001 x 1; resize it"


def test_an_array_comes_back_as_it_is():
    pixels = noise()
    assert read_picture(pixels) is pixels
    mirrored = read_picture(pixels[:, ::-1])
    assert mirrored.flags.c_contiguous
    np.testing.assert_array_equal(mirrored, pixels[:, ::-1])


def test_pictures_below_are_sorted_and_hidden_ones_left_out(tmp_path):
    for name in (
        "b.png",
        "a.JPG",
        "deep/er/c.Jpeg",
        "deep/d.webp",
        "notes.txt",
        "jpg",
        ".hidden.jpg",
        ".thumbnails/a.jpg",
        "deep/._a.jpg",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "folder.png").mkdir()
    found = [path.relative_to(tmp_path).as_posix() for path in pictures_below(tmp_path)]
    assert found == ["a.JPG", "b.png", "deep/d.webp", "deep/er/c.Jpeg"]


def test_pictures_below_a_hidden_folder_are_found_when_it_is_asked_for(tmp_path):
    folder = tmp_path / ".cache"
    folder.mkdir()
    (folder / "a.jpg").touch()
    assert pictures_below(folder) == [folder / "a.jpg"]


def test_pictures_that_nothing_reads_are_left_out_and_found_apart(tmp_path):
    for name in ("a.HEIC", "sub/b.avif", "c.jpg", "d.tiff", "e.gif", "notes.txt", "f.pdf", ".hidden.heic"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [path.name for path in pictures_below(tmp_path)] == ["c.jpg", "d.tiff", "e.gif"]
    assert [path.name for path in pictures_and_others_below(tmp_path)[1]] == ["a.HEIC", "b.avif"]


def test_no_suffix_is_of_both_kinds():
    assert not SUFFIXES & OTHER_SUFFIXES


def test_no_pictures_below(tmp_path):
    assert pictures_below(tmp_path) == []
    assert pictures_below(tmp_path / "nowhere") == []


def test_planes_of_16_bits_are_refused_however_they_are_stored():
    """Three planes without compression, which Pillow would read byte by byte."""
    width = height = 8
    size = width * height * 2
    tags = [
        (256, 3, 1, width), (257, 3, 1, height), (258, 3, 3, 200), (259, 3, 1, 1), (262, 3, 1, 2),
        (273, 4, 3, 210), (277, 3, 1, 3), (278, 3, 1, height), (279, 4, 3, 230), (284, 3, 1, 2),
    ]  # fmt: skip
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    head = struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + entries + bytes(4)
    data = bytearray(300) + bytes(3 * size)
    data[: len(head)] = head
    data[200:206] = struct.pack("<3H", 16, 16, 16)
    data[210:222] = struct.pack("<3I", *(300 + size * plane for plane in range(3)))
    data[230:242] = struct.pack("<3I", size, size, size)
    assert Image.open(io.BytesIO(data)).mode == "RGB"
    error = refused(bytes(data))
    assert error.reason is Reason.UNSUPPORTED_IMAGE
    assert "it has 16 bits a channel" in str(error)


def test_folders_behind_links_are_looked_into_once(tmp_path):
    real, tree = tmp_path / "real", tmp_path / "tree"
    real.mkdir()
    tree.mkdir()
    (real / "a.jpg").touch()
    (tree / "link").symlink_to(real)
    (real / "up").symlink_to(tree)
    assert pictures_below(tree) == [tree / "link/a.jpg"]


def test_a_folder_that_may_not_be_looked_into_is_not_an_empty_one(tmp_path, monkeypatch):
    (tmp_path / "shut").mkdir()
    (tmp_path / "a.jpg").touch()
    plain = os.scandir

    def guarded(place):
        if str(place).endswith("shut"):
            raise PermissionError(13, "Permission denied", str(place))
        return plain(place)

    monkeypatch.setattr(os, "scandir", guarded)
    with pytest.raises(PermissionError):
        pictures_below(tmp_path)


def test_threads_leave_the_warnings_of_the_process_as_they_were():
    data, before = encoded(Image.fromarray(np.zeros((400, 400, 3), np.uint8)), "PNG"), list(warnings.filters)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(read_picture, [data] * 60))
    assert warnings.filters == before
