"""``cfr-shm view`` as people start it: it says where it is, answers, and ends with Ctrl-C."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
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


@pytest.mark.thorough
@pytest.mark.skipif(sys.platform == "win32", reason="BROWSER names a browser elsewhere")
def test_it_opens_its_address_in_the_browser_unless_told_not_to(kuhn, tmp_path):
    script, opened = tmp_path / "browser.py", tmp_path / "opened"
    script.write_text(
        f"import os, sys\nopen({str(opened)!r} + '.part', 'w').write(sys.argv[1])\n"
        f"os.rename({str(opened)!r} + '.part', {str(opened)!r})\n"
    )
    environment = {**os.environ, "BROWSER": f"{sys.executable} {script} %s"}
    command = [sys.executable, "-m", "cfr_shm", "view", str(kuhn), "--port", "0"]
    pipes = {"stdout": subprocess.PIPE, "text": True, "cwd": tmp_path, "env": environment}
    for flags, opens in ((["--no-browser"], False), ([], True)):
        with subprocess.Popen([*command, *flags], **pipes) as process:
            try:
                url = process.stdout.readline().strip()
                for _ in range(1200 if opens else 20):
                    if opened.exists():
                        break
                    time.sleep(0.05)
            finally:
                process.send_signal(signal.SIGINT)
        assert opened.exists() == opens
    assert opened.read_text() == url


def raw(port, sent):
    """Send bytes; return what comes before the server says nothing more for a while."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        found = b""
        try:
            client.sendall(sent)
            client.shutdown(socket.SHUT_WR)
            while part := client.recv(1 << 16):
                found += part
        except OSError:  # refused, and hung up before all was sent
            pass
        return found


@pytest.mark.thorough
def test_rude_requests_are_refused_and_others_go_on(kuhn, tmp_path):
    command = [sys.executable, "-m", "cfr_shm", "view", str(kuhn), "--port", "0", "--no-browser"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=tmp_path, **pipes) as process:
        try:
            url = process.stdout.readline().strip()
            port = urlsplit(url).port
            host = b"Host: 127.0.0.1:%d\r\n" % port
            post = b"POST /api/runs/kuhn/tables HTTP/1.1\r\n" + host
            post += b"Content-Type: application/json\r\n"
            upgrade = b"Connection: Upgrade, close\r\nUpgrade: websocket\r\n"
            upgrade += (
                b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
            )
            get = b"GET /static/icon.svg HTTP/1.1\r\n" + host
            rude = {
                "pipelined": ((get + b"\r\n") * 4 + get + b"Connection: close\r\n\r\n", b" 200 "),
                "no other protocol": (get + upgrade + b"\r\n", b" 200 "),
                "two hosts": (get + b"Host: evil.example\r\n\r\n", b" 400 "),
                "another host": (b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", b" 403 "),
                "no host": (b"GET / HTTP/1.0\r\n\r\n", b" 403 "),
                "another origin": (get + b"Origin: http://evil.example\r\n\r\n", b" 403 "),
                "a proxy's": (b"GET http://evil.example/ HTTP/1.1\r\n" + host + b"\r\n", b" 404 "),
                "a way up": (b"GET /static/../pages.py HTTP/1.1\r\n" + host + b"\r\n", b" 404 "),
                "an encrypted one": (b"\x16\x03\x01\x02\x00" + b"x" * 300 + b"\r\n", b" 400 "),
                "a long header": (get + b"X: " + b"x" * (1 << 17) + b"\r\n\r\n", b" 400 "),
                "a large body": (
                    post + b"Content-Length: 99999\r\n\r\n" + b"x" * 99999,
                    b" 400 ",
                ),
            }
            for name, (sent, status) in rude.items():
                found = raw(port, sent)
                assert status in found.partition(b"\r\n")[0] + b" " or not found, (
                    name,
                    found[:200],
                )
                assert found.count(b" 200 OK") == (5 if name == "pipelined" else status == b" 200 ")
                assert ask(url, "/api/runs")[0] == 200
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0
        assert "Traceback" not in process.stderr.read()


def has_other_loopback():
    """Whether this machine has IPv6; some containers have none."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


async def crowd_at(port, size):
    """Return the first line of each of a crowd's answers, all of whose connections are open."""
    request = f"GET /api/runs/kuhn/infosets HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
    left, all_heard = size, asyncio.Event()

    async def one():
        nonlocal left
        writer, line = None, b""
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request)
            line = await reader.readline()
        except OSError:  # a kernel's queue that is full
            pass
        left -= 1
        if left == 0:
            all_heard.set()
        await all_heard.wait()
        if writer is not None:
            writer.close()
        return line

    return await asyncio.wait_for(asyncio.gather(*(one() for _ in range(size))), 300)


@pytest.mark.parametrize(
    "crowd",
    [pytest.param(1500, marks=pytest.mark.thorough), pytest.param(10_000, marks=pytest.mark.slow)],
)
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peaks are Linux's to tell")
def test_a_crowd_is_answered_or_told_to_come_again_in_bounded_memory(crowd, kuhn, tmp_path):
    import resource

    def peak(process):
        status = Path(f"/proc/{process.pid}/status").read_text()
        return 1024 * int(status.split("VmHWM:")[1].split()[0])

    command = [sys.executable, "-m", "cfr_shm", "view", str(kuhn), "--port", "0", "--no-browser"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=tmp_path, **pipes) as process:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        try:
            url = process.stdout.readline().strip()
            assert ask(url, "/api/runs/kuhn/infosets")[0] == 200
            before = peak(process)
            wanted = crowd + 200
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, wanted), hard), hard))
            found = Counter(asyncio.run(crowd_at(urlsplit(url).port, crowd)))
            assert peak(process) < before + (100 << 20)
            assert ask(url, "/api/runs/kuhn/infosets")[0] == 200
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0
        told = process.stderr.read()
    answered = found[b"HTTP/1.1 200 OK\r\n"]
    again = found[b"HTTP/1.1 503 Service Unavailable\r\n"]
    assert answered > 0
    assert again > 0
    # A system whose queue of those who come is short may lose some of so many at once.
    assert answered + again > 0.98 * crowd
    assert "more than 64 requests at once: the others are answered with 503" in told
    assert "Traceback" not in told  # nor is it out of files


@pytest.mark.thorough
def test_two_viewers_and_the_other_loopback(kuhn, tmp_path):
    command = [sys.executable, "-m", "cfr_shm", "view", str(kuhn), "--no-browser"]
    pipes = {"stdout": subprocess.PIPE, "text": True, "cwd": tmp_path}
    other = ["--host", "::1"] if has_other_loopback() else []
    with ExitStack() as started:
        urls = []
        for flags in ([], [], [*other, "--port", "0"]):
            process = started.enter_context(subprocess.Popen([*command, *flags], **pipes))
            started.callback(process.send_signal, signal.SIGINT)
            urls.append(process.stdout.readline().strip())
        assert len(set(urls)) == 3
        assert urls[2].startswith("http://[::1]:" if other else "http://127.0.0.1:")
        assert [ask(url, "/api/runs")[0] for url in urls] == [200, 200, 200]


@pytest.mark.thorough
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
