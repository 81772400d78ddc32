"""Directories that nobody else can put anything into: code is loaded from no others.

What somebody else can write to, he can fill with machine code of his own; a digest beside a file
does not help, for he can write that too.
"""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from pathlib import Path

#: More links than this on one path are a circle.
_LINKS_MAX = 40


def why_not_own(directory: Path) -> str | None:
    """Return why somebody else could put files into ``directory``, None where nobody can.

    It and all above it must belong to the user or to root, and not be writable by group or others;
    parents with the sticky bit (``/tmp``) may be. Links on the way are followed and judged
    likewise. What does not exist yet is judged by what is above it. None where the system has no
    such owners.
    """
    if not hasattr(os, "geteuid"):
        return None
    try:
        last = Path(os.path.realpath(directory))  # which needs the working directory
        for step in _steps(directory):
            status = step.lstat()
            if status.st_uid not in (0, os.geteuid()):
                return f"{step} belongs to another user (uid {status.st_uid})"
            if stat.S_ISLNK(status.st_mode) or not status.st_mode & 0o022:
                continue
            if step == last or not status.st_mode & stat.S_ISVTX:
                return f"others may write to {step} ('chmod go-w {step}' forbids it)"
    except (FileNotFoundError, NotADirectoryError):
        return None  # whoever makes it, or fails to, will know
    except OSError as error:
        return f"{directory} cannot be looked at: {error.strerror or error}"
    return None


def is_own_file(status: os.stat_result) -> bool:
    """Tell whether an opened file is a regular one that nobody but the user or root can change."""
    if not stat.S_ISREG(status.st_mode):
        return False
    if not hasattr(os, "geteuid"):
        return True
    return status.st_uid in (0, os.geteuid()) and not status.st_mode & 0o022


def usual_cache_directory() -> Path:
    """Return the platform's place for what this user can have made again.

    A user without a home, as in some containers, has one for himself among the temporary files.
    """
    try:
        if sys.platform == "darwin":
            return Path.home() / "Library" / "Caches" / "cfr-shm"
        if sys.platform == "win32":
            local = os.environ.get("LOCALAPPDATA")
            return (Path(local) if local else Path.home()) / "cfr-shm"
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cfr-shm"
    except RuntimeError:
        user = os.getuid() if hasattr(os, "getuid") else "user"
        return Path(tempfile.gettempdir()) / f"cfr-shm-{user}"


def make_own_directory(directory: Path) -> None:
    """Make a directory, and those above it that are missing, for the user alone.

    Raises:
        OSError: the system refuses.
    """
    for step in [*reversed(directory.parents), directory]:
        if not step.is_dir():
            step.mkdir(mode=0o700, exist_ok=True)


def _steps(path: Path) -> list[Path]:
    """Return every directory and link that the system passes on the way to ``path``, and it."""
    found: list[Path] = []
    links = 0
    here, *pending = _parts(path)
    while True:
        found.append(here)
        if here.is_symlink():
            links += 1
            if links > _LINKS_MAX:
                raise OSError(f"{path}: too many links")
            start, *target = _parts(here.parent / here.readlink())
            here, pending = start, [*target, *pending]
        elif pending:
            here = Path(os.path.normpath(here / pending.pop(0)))
        else:
            return found


def _parts(path: Path) -> list[Path]:
    first, *rest = path.absolute().parts
    return [Path(first), *map(Path, rest)]
