"""The viewer's page in a browser: what tests of it share."""

from __future__ import annotations

import contextlib
import subprocess
import sys

DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
SECONDS = 60_000


@contextlib.contextmanager
def viewing(runs, somewhere):
    """Start a viewer of runs, as people do; give its address."""
    command = [sys.executable, "-m", "cfr_shm", "view", *map(str, runs)]
    command += ["--port", "0", "--no-browser"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=somewhere, stdout=pipe, text=True) as process:
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def violations(page):
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page)
    return [each["id"] + ": " + each["nodes"][0]["html"] for each in found.response["violations"]]


def headline(page, pattern):
    """Wait until the place that is shown is such a one."""
    page.wait_for_function(
        "pattern => new RegExp(pattern).test(document.querySelector('.headline')?.textContent)",
        arg=pattern,
    )


def until(page, expression):
    """Wait; a function, because the page's policy lets nobody evaluate a text."""
    page.wait_for_function(f"() => {expression}")
