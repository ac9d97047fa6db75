"""The data directory: ours alone, used by one server at a time."""

import contextlib
import fcntl
import os
from collections.abc import Generator
from pathlib import Path

from tidegate.errors import DataDirectoryError

_LOCK_FILE = "lock"


def prepare(directory: Path) -> Path:
    """Makes the directory, for its owner alone, unless it is there; returns it absolute."""
    directory = directory.absolute()
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError:
        raise DataDirectoryError(f"data directory {directory}: not a directory") from None
    except OSError as error:
        raise DataDirectoryError(f"data directory {directory}: {error.strerror}") from None
    if not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
        raise DataDirectoryError(f"data directory {directory}: no permission to use it")
    return directory


@contextlib.contextmanager
def locked(directory: Path) -> Generator[None]:
    """Keeps other servers out until the block ends, or the process does, however it does.

    Raises:
        DataDirectoryError: another server holds it.
    """
    try:
        file = os.open(directory / _LOCK_FILE, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise DataDirectoryError(f"data directory {directory}: {error.strerror}") from None
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise DataDirectoryError(
                f"data directory {directory}: another server is using it"
            ) from None
        yield
    finally:
        os.close(file)


def write_private(file: Path, text: str) -> None:
    """Writes a file that only its owner can read, whole or not at all."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(file)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
