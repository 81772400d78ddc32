"""``cfr-shm view``: a page that shows what runs have learnt."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from cfr_shm.errors import EXIT_OK, UsageError

if TYPE_CHECKING:
    from cfr_shm.viewer import server

DESCRIPTION = (
    "Open a page in the browser that shows the runs in the directories RUN: range charts at any "
    "line and board, hand by hand, at any checkpoint, also while they are being trained. Nothing "
    "is written. Only this machine is served unless --host says otherwise; Ctrl-C ends it."
)

#: Where no --port is given.
PORT = 8377

#: So long the address is kept back while the first run's game is built, which the first page waits
#: for: a browser that starts meanwhile takes the cores that build it.
PREPARING_SECONDS = 0.7


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "directories", metavar="RUN", nargs="+", help="a run directory, RUN@ITERATIONS, or a bundle"
    )
    parser.add_argument(
        "--port",
        type=_port,
        metavar="PORT",
        help=f"listen here; 0 takes a free one (default: {PORT}, or a free one where it is taken)",
    )
    parser.add_argument(
        "--host",
        metavar="ADDRESS",
        default="127.0.0.1",
        help="listen on this address, e.g. 0.0.0.0 for every one; others than this machine then "
        "need the token in the printed URL (default: %(default)s)",
    )
    parser.add_argument(
        "--no-browser", action="store_true", help="print the URL and open no browser"
    )


def run(namespace: argparse.Namespace) -> int:
    """Serve until Ctrl-C; return the exit code.

    Raises:
        UsageError: no run, a port in use, or the extra is missing.
    """
    from cfr_shm.cards.bucket_file import share_nothing
    from cfr_shm.cli.session import say
    from cfr_shm.kernels.announcing import tell_of_compiling
    from cfr_shm.viewer.viewed_runs import ViewedRuns

    share_nothing()
    runs = ViewedRuns(namespace.directories, say)
    tell_of_compiling(runs.noting(say))
    runs.prepare()  # while the server's modules are loaded
    try:
        from cfr_shm.viewer import computing, server
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "cfr_shm":
            raise
        raise UsageError(
            f"view needs {error.name}, which is not installed; pip install 'cfr-shm[viewer]'"
        ) from None
    if namespace.port is None:
        place = _bind_somewhere(namespace.host)
    else:
        place = server.bind(namespace.host, namespace.port)

    runs.prepared.wait(PREPARING_SECONDS)

    def ready() -> None:
        print(place.url, flush=True)
        say("Ctrl-C ends it")
        if not namespace.no_browser:
            _open(place.url)

    server.serve(runs, place, say, ready)
    if computing.under_way():
        # Compiling, or solving, would go on in this process until it is done.
        os._exit(EXIT_OK)
    return EXIT_OK


def _bind_somewhere(host: str) -> server.Place:
    """Listen on the usual port, or on a free one where another viewer has it."""
    from cfr_shm.viewer import server

    try:
        return server.bind(host, PORT)
    except UsageError:
        return server.bind(host, 0)


def _open(url: str) -> None:
    """Open the page without waiting for the browser."""
    import threading
    import webbrowser

    threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 1 << 16):
        raise argparse.ArgumentTypeError(f"{text!r} is no port: 0 to 65535")
    return int(text)
