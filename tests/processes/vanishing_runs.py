"""A program that reads a run which is taken away while it reads: ``PLACE HOW COMMAND...``.

``PLACE/run`` is copied to ``PLACE/victim``, and at the k-th file or directory that the command
opens in it, for each k, the copy is deleted, moved, or replaced by ``PLACE/other``. Prints what
became of each, a JSON line.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import sys
from pathlib import Path

from cfr_shm.cli.main import main

LOOKS = ("open", "os.listdir", "os.scandir")


class Taker:
    """Takes the run away at one of the looks into it."""

    def __init__(self, place: Path, how: str) -> None:
        self.place, self.how, self.victim = place, how, place / "victim"
        self.looks, self.at, self.active = 0, 0, False

    def hook(self, event, arguments):
        """Count a look; take the run away at the one that is chosen."""
        if event not in LOOKS or not self.active or not isinstance(arguments[0], str | os.PathLike):
            return
        if not os.fspath(arguments[0]).startswith(str(self.victim)):
            return
        self.looks += 1
        if self.looks == self.at:
            self.active = False
            self._take()
            self.active = True

    def _take(self):
        if self.how == "deleted":
            shutil.rmtree(self.victim)
            return
        self.victim.rename(self.place / "moved")
        if self.how == "replaced":
            shutil.copytree(self.place / "other", self.victim)

    def call(self, arguments, at):
        """Run a command; return what it says and returns."""
        for each in (self.victim, self.place / "moved"):
            shutil.rmtree(each, ignore_errors=True)
        shutil.copytree(self.place / "run", self.victim)
        self.looks, self.at = 0, at
        out, error = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
            self.active = True
            code = main([str(self.victim) if each == "RUN" else each for each in arguments])
            self.active = False
        said = [line for line in error.getvalue().splitlines() if "error" in line]
        return {"at": at, "code": code, "said": said, "out": len(out.getvalue())}


if __name__ == "__main__":
    taker = Taker(Path(sys.argv[1]), sys.argv[2])
    sys.addaudithook(taker.hook)
    whole = taker.call(sys.argv[3:], 0)
    found = [whole, *(taker.call(sys.argv[3:], at) for at in range(1, taker.looks + 1))]
    sys.stdout.write("".join(f"{json.dumps(each)}\n" for each in found))
