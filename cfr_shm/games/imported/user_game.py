"""Games of one's own: ``path/to/file.py:function`` or ``path/to/file.py:function(key=value)``.

The function returns a ``Game``. The file is run as any Python program is, in the process that
was told its name; workers only ever see the arrays.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, TextIO

from cfr_shm.config.reader import nearest
from cfr_shm.errors import GameError, PlayerError
from cfr_shm.games.game import Game
from cfr_shm.storage.files import is_file, read_bytes

_SEPARATOR = ".py:"

#: Larger files are no programs.
LARGEST_FILE_BYTES = 1 << 24


def names_user_game(name: str) -> bool:
    """Tell whether ``name`` has the form of a game of one's own."""
    return _SEPARATOR in name


def file_digest(name: str) -> str:
    """Return the SHA-256 of the file that ``name`` names, as hex digits.

    Raises:
        GameError: the file is missing or cannot be read.
    """
    path = _path(name)
    if not is_file(path):
        raise GameError(f"game {name}: there is no file {path} (seen from {Path.cwd()})")
    try:
        return hashlib.sha256(read_bytes(path, LARGEST_FILE_BYTES)).hexdigest()
    except OSError as error:
        raise GameError(f"game {name}: {path} cannot be read: {error.strerror}") from None


def load_user_game(name: str, expected_digest: str | None = None) -> Game:
    """Run the file that ``name`` names, and return the game that its function builds.

    With ``expected_digest``, only a file of that SHA-256 is run.

    Raises:
        GameError: there is no such file or function, the file was changed, the call is not one
            of plain values, the code raises, or what it returns is not a ``Game``.
    """
    path = _path(name)
    function, arguments = _parse_call(name, name.partition(_SEPARATOR)[2])
    digest = file_digest(name)
    if expected_digest not in (None, digest):
        raise GameError(
            f"game {name}: {path} was changed since the run began (its digest is {digest[:12]}..., "
            f"the run's {str(expected_digest)[:12]}...); put the old file back, or train anew"
        )
    build = _function(f"game {name}", path, function)
    game = guarded(f"game {name}", path, lambda: build(**arguments))
    if not isinstance(game, Game):
        raise GameError(
            f"game {name}: {function} returned {type(game).__name__}; it must return a Game, as "
            "history_game(...) makes it"
        )
    return game


def load_user_function(name: str) -> Callable[..., Any]:
    """Run the file that ``name``, ``file.py:function``, names, and return the function.

    Raises:
        GameError: there is no such file or function, or the code raises.
    """
    path, function = _path(name), name.partition(_SEPARATOR)[2]
    if not is_file(path):
        raise GameError(f"{name}: there is no file {path} (seen from {Path.cwd()})")
    return _function(name, path, function)


def user_path(name: str) -> Path:
    """Return the file that ``name`` names."""
    return _path(name)


def _function(told: str, path: Path, function: str) -> Callable[..., Any]:
    module = _run(told, path)
    found = getattr(module, function, None)
    if not callable(found):
        own = [key for key, each in vars(module).items() if callable(each) and key[0] != "_"]
        raise GameError(f"{told}: {path} has no function {function!r}{nearest(function, own)}")
    return found  # type: ignore[no-any-return]


def _path(name: str) -> Path:
    path = Path(f"{name.partition(_SEPARATOR)[0]}.py")
    try:
        return path.expanduser()
    except (RuntimeError, ValueError):
        raise GameError(f"game {name}: there is no user of the name in {path.parts[0]}") from None


def _parse_call(name: str, call: str) -> tuple[str, dict[str, Any]]:
    """Return the function's name and its arguments, of which only plain values are taken."""
    try:
        parsed = ast.parse(call, mode="eval").body
        if isinstance(parsed, ast.Name):
            return parsed.id, {}
        if isinstance(parsed, ast.Call) and isinstance(parsed.func, ast.Name) and not parsed.args:
            pairs = [(each.arg, ast.literal_eval(each.value)) for each in parsed.keywords]
            given = {key: value for key, value in pairs if key is not None}
            if len(given) == len(pairs):  # none came by two stars, or twice
                return parsed.func.id, given
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError, OverflowError):
        pass
    raise GameError(
        f"game {name}: expected file.py:function or file.py:function(key=value), the values plain"
    )


def _run(told: str, path: Path) -> ModuleType:
    # Dataclasses and others look their module up by its name.
    module_name = f"cfr_shm_user_game_{path.stem}"
    specification = importlib.util.spec_from_file_location(module_name, path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[module_name] = module
    load = specification.loader.exec_module
    guarded(told, path, lambda: load(module))
    return module


class _PrintsAside:
    """While code of a user's runs, what it prints goes to standard error: output is ours alone.

    Several threads may be inside at once; the last one out puts standard output back.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._output: TextIO = sys.stdout

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._output, sys.stdout = sys.stdout, sys.stderr
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                sys.stdout = self._output


_ASIDE = _PrintsAside()


def guarded(told: str, path: Path, call: Callable[[], Any]) -> Any:
    """Call user code; name the line in its file at which it fails.

    Raises:
        GameError: begins with ``told``, whatever was raised but Ctrl-C.
        PlayerError: as it was raised.
    """
    try:
        with _ASIDE:
            return call()
    except (KeyboardInterrupt, PlayerError):
        raise
    except GameError as error:
        raise GameError(f"{told}: {error}") from error
    except SyntaxError as error:
        raise GameError(f"{told}: {path}:{error.lineno}: {error.msg}") from error
    except BaseException as error:
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if Path(frame.filename) == path.absolute()]
        place = f"{path}:{lines[-1]}" if lines else str(path)
        raise GameError(f"{told}: {place}: {_words(error)}") from error


def _words(error: BaseException) -> str:
    """Return kind and text of an exception; one of a user's may fail at its text, too."""
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - what it says is lost, that it was raised is not
        text = "(it cannot be told)"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
