"""One process at a time: two that write the same thing would undo each other's work."""

from __future__ import annotations

import errno
from typing import IO

try:
    import fcntl
except ImportError:  # pragma: no cover - on Windows, which has no such locks
    fcntl = None  # type: ignore[assignment]


_NO_LOCKS = {errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK}
"""What file systems without locks say, as Lustre does unless it is mounted for them."""


def is_held(file: IO[str] | IO[bytes]) -> bool:
    """Hold an open file for this process until it is closed; however the process ends, the system lets go of it.

    Returns:
        Whether it could be; no where another process holds it. Always where a system has no such locks.
    """
    if fcntl is not None:  # pragma: no branch
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
    return True
