"""Files that come on request: downloaded once, checked by their sha256, kept in the user's cache."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bonaface.errors import DownloadError, did_you_mean, first_line


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file elsewhere.

    Attributes:
        url: Where it is.
        sha256: What it must be.
        bytes: Its length.
        licence: Under which it may be used.
        what: One phrase for people.
    """

    url: str
    sha256: str
    bytes: int
    licence: str
    what: str

    @property
    def name(self) -> str:
        """Its file name."""
        return self.url.rpartition("/")[2]


FILES = {
    "yunet": RemoteFile(
        url="https://github.com/opencv/opencv_zoo/raw/main/models/face_detection_yunet/"
        "face_detection_yunet_2023mar.onnx",
        sha256="8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
        bytes=232_589,
        licence="MIT",
        what="face finder, box and 5 landmarks",
    )
}


def cache_folder() -> Path:
    """Where fetched files are kept on this machine."""
    import pooch  # noqa: PLC0415

    return Path(pooch.os_cache("bonaface"))


def fetched(name: str) -> Path | None:
    """The file if it is in the cache, else None. Its hash is checked by `fetch`."""
    path = cache_folder() / _file(name).name
    return path if path.is_file() else None


def fetch(name: str, *, folder: Path | None = None) -> Path:
    """Download the file unless it is there already; either way its hash is checked.

    Args:
        name: A name of `FILES`.
        folder: Where to; the cache when None.

    Raises:
        DownloadError: If it can not be downloaded, or is not the expected file.
    """
    import pooch  # noqa: PLC0415

    file = _file(name)
    place = folder or cache_folder()
    pooch.get_logger().setLevel("WARNING")  # it announces each download on stderr
    try:
        path = pooch.retrieve(
            file.url, known_hash=f"sha256:{file.sha256}", fname=file.name, path=place, progressbar=False
        )
    except Exception as error:  # requests', pooch's and the system's errors alike
        reason = first_line(error)[:200]
        raise DownloadError(
            f"{name} must come from {file.url} with the sha256 {file.sha256[:12]}...; it did not ({reason}); "
            f"try again, or give its path"
        ) from None
    return Path(path)


def _file(name: str) -> RemoteFile:
    if name not in FILES:
        raise DownloadError(
            f"the model must be one of {', '.join(FILES)}; got '{name}'{did_you_mean(name, FILES)}"
        )
    return FILES[name]
