"""Compiled kernels on disk: where they lie, for whom, and whether what lies there is whole.

    <cache>/kernels-<key>/                 one directory for all that machine code depends on
        <module>.<kernel>-<key>.nbi, .nbc  Numba's index and code of one kernel and signature
        <module>.<kernel>-<key>.sha256     their digests; written last: without it they do not count
        <module>.<kernel>-<key>.lock       held by the process that compiles it

Numba's own disk cache is keyed by the caller's file only, so that an edited callee in another
file would return OLD results (numba #6061 and friends). We key the directory by everything
that can change the machine code instead.

- Compiling and storing is one step under an exclusive lock: of N processes that start together one
  compiles a kernel, and the others wait for it. A process that dies lets go of its lock.
- Each kernel is checked before it is loaded, for a flipped bit can crash the process. What does not
  match its digests is compiled again, it alone: nothing that others use is ever removed.
- Files are loaded only from directories that nobody else can write to
  (``machine.own_directories``).
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import secrets
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding as llvm
import numba
from numba.core import config as numba_config
from numba.core.caching import IndexDataCacheFile, _Cache
from numba.core.compiler import CompileResult

from cfr_shm.errors import UsageError
from cfr_shm.kernels.announcing import compiling
from cfr_shm.kernels.compiled_elsewhere import have_compiled
from cfr_shm.kernels.numba_arrays import load_array_functions
from cfr_shm.machine.own_directories import (
    is_own_file,
    make_own_directory,
    usual_cache_directory,
    why_not_own,
)

_PACKAGE = Path(__file__).resolve().parent.parent

#: Stored, missing or unfinished, changed since it was stored.
INTACT, ABSENT, DAMAGED = "intact", "absent", "damaged"

_CODE = (".nbi", ".1.nbc")
_DIGESTS = ".sha256"

#: A cache directory may be removed in the moment before it is held, but not so often.
_TRIES = 5

#: What another process has been compiling for so long is compiled here too: it may be stopped.
_PATIENCE_SECONDS = 300.0
_SLOW_SECONDS = 30.0
_POLL_SECONDS = 0.02


class NotStoredError(Exception):
    """A kernel is not in the cache, and nobody wanted it compiled (``only_stored``)."""


# --- where ---------------------------------------------------------------------------------


def cache_root() -> Path:
    """Return the directory below which every version's kernel cache lies.

    ``CFR_SHM_CACHE_DIR`` names it; otherwise the platform's user cache directory.

    Raises:
        UsageError: ``CFR_SHM_CACHE_DIR`` lies in the home of a user that there is not.
    """
    named = os.environ.get("CFR_SHM_CACHE_DIR")
    try:
        return Path(named).expanduser() if named else usual_cache_directory()
    except RuntimeError as error:
        raise UsageError(
            f"CFR_SHM_CACHE_DIR: {named}: there is no such home directory; name another"
        ) from error


def kernel_sources() -> list[Path]:
    """Return the files whose text is compiled into kernels, in a fixed order."""
    return [
        path for room in ("layout", "kernels") for path in sorted((_PACKAGE / room).rglob("*.py"))
    ]


def cache_key() -> str:
    """Hash everything that can change the machine code of a kernel, and who it is for.

    Installations and interpreters with other flags have keys of their own, so that nobody depends
    on what somebody else's interpreter has written.
    """
    digest = hashlib.sha256()
    for source in kernel_sources():
        name = source.relative_to(_PACKAGE).as_posix()
        digest.update(name.encode() + b"\0" + source.read_bytes())
    settings = ("BOUNDSCHECK", "OPT", "LOOP_VECTORIZE", "SLP_VECTORIZE", "DEBUGINFO_DEFAULT")
    parts = [numba.__version__, llvmlite.__version__, sys.version, str(_PACKAGE), sys.prefix]
    parts += [str(numba.__path__), _cpu(), repr(_interpreter_flags())]
    parts += [f"{name}={getattr(numba_config, name, None)}" for name in settings]
    for part in parts:
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()[:16]


def _interpreter_flags() -> tuple[Any, ...]:
    """Return the flags that a process hands on to those that it starts, ``-O`` among them."""
    names = ("optimize", "debug", "dev_mode", "isolated", "ignore_environment", "no_user_site")
    return tuple(getattr(sys.flags, name, None) for name in (*names, "safe_path", "utf8_mode"))


def machine_code() -> str:
    """Return what machine code depends on beyond this package: equal where it does the same."""
    return f"{_cpu()} numba {numba.__version__} llvmlite {llvmlite.__version__}"


def _cpu() -> str:
    return f"{llvm.get_host_cpu_name()} {llvm.get_host_cpu_features().flatten()}"


@functools.cache
def _key() -> str:
    return cache_key()


def cache_directory() -> Path:
    """Return this version's kernel cache directory (it may not exist yet)."""
    return cache_root() / f"kernels-{_key()}"


def _why_unusable(directory: Path) -> str:
    """Make the directory and hold it; return why it cannot be used, nothing where it can."""
    for _ in range(_TRIES):
        with contextlib.suppress(OSError):
            make_own_directory(directory)
        found = why_not_own(directory)
        if found is not None:
            return f"kernel cache {directory} is not used: {found}"
        if not (directory.is_dir() and os.access(directory, os.W_OK | os.X_OK)):
            break
        if _hold(directory):
            return ""
    return f"kernel cache {directory} cannot be written"


def _hold(directory: Path) -> bool:
    """Lock the directory, shared, until this process ends: ``clean`` then leaves it alone.

    Return False if it was removed in the moment before.
    """
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        descriptor = os.open(directory, os.O_RDONLY)
    except OSError:
        return False
    with contextlib.suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_SH)
    with contextlib.suppress(OSError):
        if os.path.samestat(os.fstat(descriptor), directory.stat()):
            return True
    os.close(descriptor)
    return False


#: Why kernels are compiled in every process; empty where the cache is used.
WHY_UNUSABLE = "" if numba_config.DISABLE_JIT else _why_unusable(cache_directory())

#: Whether kernels are loaded from the cache directory and stored there.
CACHE_USABLE = not numba_config.DISABLE_JIT and not WHY_UNUSABLE


# --- what is told and asked of the cache -----------------------------------------------------

_tell: Callable[[str], None] | None = None


class _Asked(threading.local):
    """What a thread has asked of the kernels that it calls."""

    only_stored = False


_asked = _Asked()


@contextlib.contextmanager
def telling(announce: Callable[[str], None]) -> Iterator[None]:
    """Tell ``announce`` of kernels that are found damaged, or that others take long to compile."""
    global _tell
    before, _tell = _tell, announce
    try:
        yield
    finally:
        _tell = before


@contextlib.contextmanager
def only_stored() -> Iterator[None]:
    """Load kernels, but compile none, in this thread.

    Raises:
        NotStoredError: at the first that is not stored whole.
    """
    before, _asked.only_stored = _asked.only_stored, True
    try:
        yield
    finally:
        _asked.only_stored = before


@contextlib.contextmanager
def turn_without_store() -> Iterator[None]:
    """Enter, to compile a kernel that is not stored at all.

    Raises:
        NotStoredError: within ``only_stored``.
    """
    if _asked.only_stored:
        raise NotStoredError
    yield


def _say(text: str) -> None:
    if _tell is not None:
        _tell(text)


# --- one kernel ------------------------------------------------------------------------------


class KernelStore(_Cache):
    """The stored machine code of one kernel, as Numba's dispatcher asks for it.

    Args:
        function: the kernel's Python function.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    @contextlib.contextmanager
    def turn(self, signature: Any, context: Any) -> Iterator[None]:
        """Enter when the kernel is stored whole, or when it is our turn to compile and store it.

        Raises:
            NotStoredError: it would have to be compiled, within ``only_stored``.
        """
        name = self._name(signature, context)
        if _state(name) == INTACT:
            yield
            return
        if _asked.only_stored:
            raise NotStoredError(name)
        have_compiled(self._function.__module__, self._function.__qualname__, signature)
        with _locked(name):
            state = _state(name)
            if state == DAMAGED:
                _say(f"kernel cache: {name} is damaged: compiling it again")
            if state != INTACT:
                _remove(name)
                compiling(self._function.__module__)
            yield

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the kernel for a signature, None where it is not stored whole."""
        load_array_functions()
        target_context.refresh()
        name = self._name(sig, target_context)
        if _state(name) != INTACT:
            return None
        try:
            return CompileResult._rebuild(target_context, *_numbas_files(name).load(name))
        except Exception:  # noqa: BLE001 - it is compiled again, whatever it is
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Store the kernel for a signature; a full disk only costs the next process its time."""
        name = self._name(sig, data.target_context)
        with contextlib.suppress(OSError):
            _numbas_files(name).save(name, data._reduce())
            _note_digests(name)

    def _name(self, signature: Any, context: Any) -> str:
        function = self._function
        words = (
            f"{function.__module__}.{function.__qualname__}:{function.__code__.co_firstlineno}",
            _source_digest(function.__code__.co_filename),
            str(signature),
            str(context.codegen().magic_tuple()),
        )
        key = hashlib.sha256("\0".join(words).encode()).hexdigest()[:16]
        module = function.__module__.rpartition(".")[2]
        qualname = function.__qualname__.replace("<", "").replace(">", "")
        return f"{module}.{qualname}-{key}"

    @property
    def cache_path(self) -> str:
        """Where the files lie."""
        return str(cache_directory())

    def enable(self) -> None:
        """Do nothing: what may not be stored has no store."""

    def disable(self) -> None:
        """Do nothing: what may not be stored has no store."""

    def flush(self) -> None:
        """Do nothing: others may have loaded it."""


@functools.cache
def _source_digest(path: str) -> str:
    """Return what stands for the text of a kernel that is not the package's: a test's."""
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError:
        return ""


def _numbas_files(name: str) -> IndexDataCacheFile:
    return IndexDataCacheFile(str(cache_directory()), name, "")


def _state(name: str) -> str:
    """Return whether a kernel is stored whole."""
    directory = cache_directory()
    try:
        noted = (directory / f"{name}{_DIGESTS}").read_text(encoding="ascii")
    except FileNotFoundError:
        return ABSENT
    except (OSError, ValueError):
        return DAMAGED
    try:
        return INTACT if noted == _digests(name) else DAMAGED
    except OSError:
        return DAMAGED


def _digests(name: str) -> str:
    """Return the digests of a kernel's files, a line each: digest, two blanks, name.

    Raises:
        OSError: a file is missing, cannot be read, or is not our own.
    """
    lines = []
    for suffix in _CODE:
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        flags |= getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(cache_directory() / f"{name}{suffix}", flags), "rb") as file:
            if not is_own_file(os.fstat(file.fileno())):
                raise OSError(f"{name}{suffix} is not our own")
            lines.append(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {name}{suffix}\n")
    return "".join(lines)


def _note_digests(name: str) -> None:
    directory = cache_directory()
    for suffix in _CODE:
        # Numba leaves the mode to the umask.
        (directory / f"{name}{suffix}").chmod(0o600)
    temporary = directory / f"{name}.{secrets.token_hex(8)}.part"
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
        with os.fdopen(os.open(temporary, flags, 0o600), "w", encoding="ascii") as file:
            file.write(_digests(name))
        temporary.replace(directory / f"{name}{_DIGESTS}")
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def _remove(name: str) -> None:
    """Remove what is left of a kernel that is not whole; only under its lock."""
    for path in list(cache_directory().glob(f"{name}.*")):
        if path.suffix != ".lock":
            with contextlib.suppress(OSError):
                shutil.rmtree(path) if path.is_dir() else path.unlink()


@contextlib.contextmanager
def _locked(name: str) -> Iterator[None]:
    """Hold a kernel's lock; without it where the system has none, or after long waiting."""
    path = cache_directory() / f"{name}.lock"
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        descriptor = os.open(path, flags, 0o600)
    except OSError:
        yield
        return
    try:
        with contextlib.suppress(OSError):
            _await_lock(descriptor, name)
        yield
    finally:
        os.close(descriptor)


def _await_lock(descriptor: int, name: str) -> None:
    began = time.monotonic()
    told = False
    while not _try_lock(descriptor):
        waited = time.monotonic() - began
        if waited > _SLOW_SECONDS and not told:
            told = True
            _say(f"another process has been compiling {name} for {waited:.0f} s: waiting for it")
        if waited > _PATIENCE_SECONDS:
            _say(f"another process has been compiling {name} for {waited:.0f} s: doing it here too")
            return
        time.sleep(_POLL_SECONDS)


def _try_lock(descriptor: int) -> bool:
    """Take an exclusive lock that ends with the process; raise OSError where there is none."""
    if sys.platform == "win32":
        import msvcrt

        with contextlib.suppress(PermissionError):
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            return True
        return False
    import fcntl

    with contextlib.suppress(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


# --- all kernels -----------------------------------------------------------------------------


def cache_state() -> str:
    """Return "warm", "cold", "damaged" or "unusable", without compiling or loading anything."""
    if not CACHE_USABLE:
        return "unusable"
    states = {_state(path.name.removesuffix(_DIGESTS)) for path in stored_kernels()}
    return "damaged" if DAMAGED in states else "warm" if INTACT in states else "cold"


def stored_kernels(directory: Path | None = None) -> list[Path]:
    """Return the files of digests in a kernel cache, one for each kernel; the own by default."""
    return sorted((directory or cache_directory()).glob(f"*{_DIGESTS}"))


def is_held(directory: Path) -> bool:
    """Return whether a process has loaded kernels from there; True where that is not told."""
    with _held_alone(directory) as alone:
        return not alone


def remove_unheld(directory: Path) -> None:
    """Remove a kernel cache, unless a process has loaded kernels from it."""
    with _held_alone(directory) as alone:
        if alone:
            # Under another name first, so that whoever starts meanwhile makes one of its own.
            gone = directory.with_name(f"{directory.name}.{secrets.token_hex(4)}.gone")
            with contextlib.suppress(OSError):
                directory.rename(gone)
                shutil.rmtree(gone, ignore_errors=True)


@contextlib.contextmanager
def _held_alone(directory: Path) -> Iterator[bool]:
    """Try to keep everybody else from holding a directory; yield whether that is so."""
    if sys.platform == "win32":
        yield False
        return
    import fcntl

    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        yield False
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        alone = True
    except OSError:
        alone = False
    try:
        yield alone
    finally:
        os.close(descriptor)
