"""``cfr-shm view`` as people start it: it says where it is, answers, and ends with Ctrl-C."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest
from viewed_games import train_kuhn

from cfr_shm.cli.main import main

#: The command, whose list of runs takes an hour.
SLOW = """\
import sys, time
from cfr_shm.cli.main import main
from cfr_shm.viewer.viewed_runs import ViewedRuns

def documents(self):
    print("computing", file=sys.stderr, flush=True)
    time.sleep(3600)

ViewedRuns.documents = documents
sys.exit(main())
"""


@pytest.fixture(scope="module")
def kuhn(tmp_path_factory):
    return train_kuhn(tmp_path_factory.mktemp("viewed") / "kuhn")


def ask(url, target, **headers):
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
    try:
        connection.request("GET", target, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_it_prints_where_it_is_answers_and_ends_with_an_interrupt(kuhn, tmp_path):
    before = sorted(path.name for path in kuhn.rglob("*"))
    command = [sys.executable, "-m", "cfr_shm", "view", str(kuhn), "--port", "0", "--no-browser"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=tmp_path, **pipes) as process:
        try:
            url = process.stdout.readline().strip()
            assert url.startswith("http://127.0.0.1:")
            status, body = ask(url, "/api/runs/kuhn/infosets")
            assert (status, json.loads(body)["found"]) == (200, 12)
            assert ask(url, "/", host="evil.example")[0] == 403
            assert main(["view", str(kuhn), "--port", str(urlsplit(url).port)]) == 2
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0
        assert "Traceback" not in process.stderr.read()
    assert sorted(path.name for path in kuhn.rglob("*")) == before


def test_it_ends_at_once_whatever_is_connected_and_computed(kuhn, tmp_path):
    slow = tmp_path / "slow.py"
    slow.write_text(SLOW)
    command = [sys.executable, str(slow), "view", str(kuhn), "--port", "0", "--no-browser"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=tmp_path, **pipes) as process, ExitStack() as held:
        port = urlsplit(process.stdout.readline().strip()).port
        host = f"HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        post = f"POST /api/runs/kuhn/tables {host}Content-Type: application/json\r\n"
        for sent in (
            "",
            f"GET / {host}",
            f"{post}Content-Length: 9\r\n\r\n{{",
            f"GET /api/runs {host}\r\n",
        ):
            client = held.enter_context(socket.create_connection(("127.0.0.1", port)))
            client.sendall(sent.encode())
        assert "computing" in process.stderr.readline() + process.stderr.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0  # the answer would take an hour
        assert "Traceback" not in process.stderr.read()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["none"], "there is no such run directory"),
        (["none", "--port", "70000"], "is no port"),
        ([], "RUN"),
    ],
)
def test_bad_input_is_one_line(arguments, text, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["view", *arguments]) == 2
    error = capsys.readouterr().err
    assert text in error
    assert error.count("\n") == 1
