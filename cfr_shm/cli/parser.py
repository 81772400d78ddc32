"""An argument parser whose errors are typed, one line long, and name the nearest flag.

Only argparse is imported here: ``--help`` must not wait for NumPy or Numba.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from cfr_shm.errors import UsageError


def _refuse_unwritable(argument: str) -> None:
    """Refuse what no path and no name can hold: a NUL, or half of a character."""
    try:
        os.fsencode(argument)
    except ValueError:
        argument += "\0"
    if "\0" in argument:
        raise UsageError(
            f"the argument {ascii(argument)[:80]} holds what no text can: a NUL, or half of a "
            "character"
        )


class Parser(argparse.ArgumentParser):
    """``ArgumentParser`` that raises ``UsageError`` instead of leaving the process."""

    def __init__(self, **arguments: Any) -> None:
        arguments.setdefault("allow_abbrev", False)
        super().__init__(**arguments)
        self.commands: dict[str, Parser] = {}
        #: What gives a command its flags, called once it is asked for.
        self.declare: Callable[[], None] | None = None

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Declare the flags, where that has waited for somebody to ask, and parse."""
        if self.declare is not None:
            declare, self.declare = self.declare, None
            declare()
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Raise ``UsageError`` with the message and where to find help."""
        raise UsageError(f"{message}; see '{self.prog} --help'")

    def parse(self, arguments: Sequence[str] | None) -> argparse.Namespace:
        """Parse a whole command line; refuse what no flag or argument takes.

        Raises:
            UsageError: names the nearest flag of the command that was given.
        """
        for each in sys.argv[1:] if arguments is None else arguments:
            _refuse_unwritable(each)
        namespace: argparse.Namespace
        namespace, extras = self.parse_known_args(arguments)
        if extras:
            parser = self.commands.get(getattr(namespace, "command", ""), self)
            parser.refuse(extras)
        return namespace

    def refuse(self, extras: Sequence[str]) -> NoReturn:
        """Raise ``UsageError`` for the first of the arguments that nothing takes."""
        from cfr_shm.config.reader import nearest

        flag = next((extra for extra in extras if extra.startswith("-")), None)
        if flag is None:
            self.error(f"unexpected argument '{extras[0]}'")
        name = flag.partition("=")[0]
        self.error(f"unknown flag '{name}'{nearest(name, self._option_string_actions)}")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Refuse a value that is not among the choices, with the nearest of them."""
        if action.choices is None or value in action.choices:
            return
        from cfr_shm.config.reader import nearest

        choices = [str(choice) for choice in action.choices]
        what = (
            f"{action.option_strings[0]}: unknown" if action.option_strings else "unknown command"
        )
        hint = nearest(str(value), choices) or f"; choose from {', '.join(choices)}"
        self.error(f"{what} '{value}'{hint}")
