"""The system calls of a save, one method each, by name or below a directory that is held open.

``Disk`` takes paths as they are. ``HeldDisk`` holds one directory by a descriptor and reaches
what lies below it from there, so that it reads and writes what it was opened for, whatever has
its name meanwhile.

Nothing is written through a link: files are created under names that did not exist, or opened
only if they are regular files under their own names.
"""

from __future__ import annotations

import contextlib
import io
import os
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, TextIO

#: Whether a directory can be held by a descriptor, and names be looked up from there.
CAN_HOLD = os.open in os.supports_dir_fd and hasattr(os, "O_DIRECTORY")

_QUIET = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | _QUIET
_COPY_BYTES = 1 << 20


class NotRegularError(OSError):
    """What should be a file is a link, a FIFO, a device or a directory."""


class Identity(NamedTuple):
    """Which file or directory it is, whatever its name."""

    device: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> Identity:
        """Return the identity that ``os.stat`` has told."""
        return cls(status.st_dev, status.st_ino)


class Disk:
    """Every change that a save makes to the disk, and what it looks at before.

    Tests put another one in its place to fail, or to end the process, at any of them.
    """

    def settle(self) -> None:
        """Make sure, before a save, that it lands where it belongs."""

    def make_directory(self, path: Path) -> None:
        """Create a directory whose parent exists."""
        name, at = self._at(path)
        os.mkdir(name, dir_fd=at)

    def create(self, path: Path) -> int:
        """Create a file that did not exist and return its descriptor, which reads too."""
        name, at = self._at(path)
        flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | _NO_LINK
        return os.open(name, flags, 0o666, dir_fd=at)

    def write(self, descriptor: int, data: memoryview) -> int:
        """Write some of ``data`` and return how many bytes."""
        return os.write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        """Force a file's content to the medium (on macOS fsync alone does not)."""
        if sys.platform == "darwin":
            import fcntl

            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
        else:
            os.fsync(descriptor)

    def close(self, descriptor: int) -> None:
        """Close a file."""
        os.close(descriptor)

    def sync_directory(self, path: Path) -> None:
        """Force a directory's entries to the medium; Windows does so by itself."""
        if sys.platform != "win32":
            name, at = self._at(path)
            descriptor = os.open(name, os.O_RDONLY, dir_fd=at)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def rename(self, source: Path, target: Path) -> None:
        """Give a file or directory another name; a file takes the place of one that is there."""
        old, old_at = self._at(source)
        new, new_at = self._at(target)
        os.replace(old, new, src_dir_fd=old_at, dst_dir_fd=new_at)

    def remove(self, path: Path) -> None:
        """Remove a file, a link or an empty directory."""
        name, at = self._at(path)
        if stat.S_ISDIR(self.status(path).st_mode):
            os.rmdir(name, dir_fd=at)
        else:
            os.unlink(name, dir_fd=at)

    def status(self, path: Path, *, follow: bool = False) -> os.stat_result:
        """Return what ``os.stat`` says of ``path``, of a link itself unless told to follow."""
        name, at = self._at(path)
        return os.stat(name, dir_fd=at, follow_symlinks=follow)

    def names(self, path: Path) -> list[str]:
        """Return the names in a directory."""
        return os.listdir(path)  # noqa: PTH208

    def open_existing(self, path: Path, flags: int) -> int:
        """Open what is there, never through a link that is its last name."""
        name, at = self._at(path)
        return os.open(name, flags | _NO_LINK, dir_fd=at)

    def append(self, path: Path) -> TextIO:
        """Open a regular file to append text to; made if it is not there.

        Raises:
            NotRegularError: something else has its name.
            OSError: it cannot be opened.
        """
        name, at = self._at(path)
        # Without O_NONBLOCK a FIFO would be waited for; on a regular file it means nothing.
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | _NO_LINK | getattr(os, "O_NONBLOCK", 0)
        with contextlib.suppress(FileNotFoundError):
            require_regular(self.status(path).st_mode, path.name)
        descriptor = os.open(name, flags, 0o666, dir_fd=at)
        try:
            require_regular(os.fstat(descriptor).st_mode, path.name)
        except OSError:
            os.close(descriptor)
            raise
        raw = io.FileIO(descriptor, "a")
        return io.TextIOWrapper(
            io.BufferedWriter(raw), encoding="utf-8", errors="backslashreplace", newline="\n"
        )

    def exists(self, path: Path) -> bool:
        """Tell whether anything has that name."""
        try:
            self.status(path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def is_directory(self, path: Path) -> bool:
        """Tell whether it is a directory, or a link to one."""
        try:
            return stat.S_ISDIR(self.status(path, follow=True).st_mode)
        except (FileNotFoundError, NotADirectoryError):
            return False

    def _at(self, path: Path) -> tuple[str | Path, int | None]:
        """Return a name and the descriptor of the directory that it counts from."""
        return path, None


DISK = Disk()


class HeldDisk(Disk):
    """What lies below one directory, which is held open; owned by whoever opens it.

    Paths are given below ``root``, the name that the directory had when it was opened. Where
    directories cannot be held, ``place`` is their name now, and its owner compares identities.

    Args:
        root: the directory's name, which may be a link to it.

    Attributes:
        place: the name under which it was last seen, absolute, no link on the way.
        identity: of the directory.
        before_save: called by ``settle``.
        appended: files that were opened to be appended to, by path.

    Raises:
        OSError: it is no directory, or cannot be opened.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.place = Path(os.path.realpath(root))
        self.before_save: Callable[[], None] = lambda: None
        self.appended: dict[Path, TextIO] = {}
        self._descriptor: int | None = None
        if CAN_HOLD:
            self._descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | _QUIET)
            self.identity = Identity.of(os.fstat(self._descriptor))
        else:
            self.identity = Identity.of(root.stat())

    @property
    def descriptor(self) -> int | None:
        """Of the directory, None where it is not held."""
        return self._descriptor

    def close_directory(self) -> None:
        """Let the directory go."""
        if self._descriptor is not None:
            unlock(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = None

    def become(self, other: HeldDisk) -> None:
        """Stand for the directory of ``other`` from now on, which must not be used any more.

        Files that are appended to go on in their copies there.
        """
        for path, file in self.appended.items():
            if file.closed:
                continue
            copy = other.root / path.relative_to(self.root)
            if not other.is_directory(copy.parent):
                other.make_directory(copy.parent)
            target = other.create(copy)
            try:
                copy_content(file.fileno(), target)
                os.dup2(target, file.fileno(), inheritable=False)
            finally:
                os.close(target)
        self.close_directory()
        self._descriptor, self.place, self.identity = (
            other._descriptor,
            other.place,
            other.identity,
        )

    def settle(self) -> None:
        """Have the owner make sure that what is saved lands where it belongs."""
        self.before_save()

    def append(self, path: Path) -> TextIO:
        """Open a regular file to append text to, and remember it."""
        self.appended[path] = super().append(path)
        return self.appended[path]

    def names(self, path: Path) -> list[str]:
        """Return the names in a directory."""
        if self._descriptor is None:
            return os.listdir(self._at(path)[0])  # noqa: PTH208
        descriptor = self.open_existing(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            return os.listdir(descriptor)  # noqa: PTH208
        finally:
            os.close(descriptor)

    def is_in_place(self) -> bool:
        """Tell whether ``place`` still names the directory."""
        try:
            return Identity.of(self.place.stat()) == self.identity
        except OSError:
            return False

    def is_removed(self) -> bool:
        """Tell whether the directory is gone for good: nothing can be made in it any more."""
        if self._descriptor is None:
            return not self.is_in_place()
        probe = f".{os.getpid()}-{os.urandom(4).hex()}.probe"
        try:
            os.mkdir(probe, dir_fd=self._descriptor)
        except OSError as error:
            return isinstance(error, FileNotFoundError)
        os.rmdir(probe, dir_fd=self._descriptor)
        return False

    def present_name(self) -> Path | None:
        """Return what the directory is called now, None where that is not told."""
        if self.is_in_place():
            return self.place
        if self._descriptor is None:
            return None
        with contextlib.suppress(OSError, ValueError):
            if sys.platform == "darwin":
                import fcntl

                told = fcntl.fcntl(self._descriptor, fcntl.F_GETPATH, bytes(1024))
                found = Path(os.fsdecode(told.partition(b"\0")[0]))
            else:
                found = Path(os.readlink(f"/proc/self/fd/{self._descriptor}"))  # noqa: PTH115
            if Identity.of(found.stat()) == self.identity:
                return found
        return None

    def _at(self, path: Path) -> tuple[str | Path, int | None]:
        below = path.relative_to(self.root)
        if self._descriptor is None:
            return self.place / below, None
        return below, self._descriptor


def require_regular(mode: int, name: str = "") -> None:
    """Refuse what is not a regular file; ``mode`` is that of ``os.stat``.

    Raises:
        NotRegularError: says what it is.
    """
    if stat.S_ISREG(mode):
        return
    words = {
        stat.S_IFLNK: "a symbolic link",
        stat.S_IFIFO: "a FIFO",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
        stat.S_IFSOCK: "a socket",
        stat.S_IFDIR: "a directory",
    }
    found = words.get(stat.S_IFMT(mode), "something else")
    raise NotRegularError(0, f"is {found}, expected a regular file", name)


def unlock(descriptor: int) -> None:
    """Give back a lock, though a fork of this process may hold a copy of the descriptor."""
    if os.name != "nt":
        import fcntl

        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)


def last_byte(descriptor: int) -> bytes:
    """Return the last byte of a file that is open for reading, nothing of an empty one."""
    if os.lseek(descriptor, 0, os.SEEK_END) == 0:
        return b""
    os.lseek(descriptor, -1, os.SEEK_END)
    return os.read(descriptor, 1)


def copy_content(source: int, target: int) -> None:
    """Copy all of one open file to another."""
    os.lseek(source, 0, os.SEEK_SET)
    for chunk in _chunks(source):
        left = memoryview(chunk)
        while left:
            left = left[os.write(target, left) :]


def _chunks(descriptor: int) -> Iterator[bytes]:
    while chunk := os.read(descriptor, _COPY_BYTES):
        yield chunk
