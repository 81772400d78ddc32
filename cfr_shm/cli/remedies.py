"""What to do about limits of the operating system that an error was caused by."""

from __future__ import annotations

import errno
from collections.abc import Iterator


def limit_remedy(error: BaseException) -> str:
    """Return which limit was met and how to raise it, nothing where it was none."""
    for each in _chain(error):
        number = getattr(each, "errno", None)
        if number in (errno.EMFILE, errno.ENFILE):
            return f"; {_limit('RLIMIT_NOFILE', 'open files', 'n')}, or use fewer workers"
        if number == errno.EFBIG:
            return f"; {_limit('RLIMIT_FSIZE', 'bytes in a file', 'f')}"
    return ""


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        each = waiting.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            yield each
            waiting += [each.__cause__, each.__context__]


def _limit(name: str, what: str, flag: str) -> str:
    try:
        import resource

        soft = resource.getrlimit(getattr(resource, name))[0]
    except (ImportError, AttributeError, OSError, ValueError):
        return f"the system limits {what}; raise that"
    count = "no number of" if soft == resource.RLIM_INFINITY else f"{soft:,}"
    return f"the limit is {count} {what}; raise it by 'ulimit -{flag}'"
