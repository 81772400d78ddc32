"""Who is let through to the viewer, and how much at once."""

from __future__ import annotations

import asyncio
import sys

import pytest
from asgi_client import HOST, ask, get

from cfr_shm.errors import UsageError
from cfr_shm.viewer import server
from cfr_shm.viewer.gate import LONGEST_TARGET, Access, Gate

LOOPBACK = Access(frozenset({HOST, "localhost:8377"}), None)


async def inside(scope, receive, send):
    start = {
        "type": "http.response.start",
        "status": 200,
        "headers": [(b"cache-control", b"public")],
    }
    await send(start)
    await send({"type": "http.response.body", "body": b"inside"})


def test_the_right_request_passes_with_a_policy_that_loads_nothing_from_elsewhere():
    found = get(Gate(inside, LOOPBACK))
    assert (found.status, found.body) == (200, b"inside")
    policy = found.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert found.headers["x-content-type-options"] == "nosniff"
    assert found.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:80", "", None])
def test_another_name_of_this_server_is_refused(host):
    assert get(Gate(inside, LOOPBACK), host=host).status == 403


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1:8377"])
def test_another_sites_page_is_refused(origin):
    assert get(Gate(inside, LOOPBACK), origin=origin).status == 403
    assert get(Gate(inside, LOOPBACK), origin=f"http://{HOST}").status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_nothing_can_be_changed(method):
    assert get(Gate(inside, LOOPBACK), method=method).status == 405


def test_an_endless_address_is_refused():
    assert get(Gate(inside, LOOPBACK), "/?line=" + "x" * LONGEST_TARGET).status == 414


def test_a_token_is_asked_for_kept_by_the_browser_and_taken_out_of_the_address():
    gate = Gate(inside, Access(None, "secret", "viewer"))
    assert get(gate, host="any:1").status == 403
    assert get(gate, "/?token=wrong", host="any:1").status == 403
    assert get(gate, host="any:1", cookie="viewer=wrong").status == 403
    found = get(gate, "/?token=secret", host="any:1")
    assert (found.status, found.headers["location"]) == (303, "/")
    assert found.headers["set-cookie"] == "viewer=secret; Path=/; HttpOnly; SameSite=Strict"
    assert get(gate, host="any:1", cookie="other=1; viewer=secret").status == 200


def test_more_than_are_worked_on_are_told_to_come_again():
    said = []

    async def crowd():
        doors = asyncio.Event()

        async def slow(scope, receive, send):
            await doors.wait()
            await inside(scope, receive, send)

        gate = Gate(slow, LOOPBACK, most=3, say=said.append)
        waiting = [asyncio.create_task(ask(gate)) for _ in range(3)]
        await asyncio.sleep(0)
        beyond = await asyncio.gather(*(ask(gate) for _ in range(1000)))
        doors.set()
        first = await asyncio.gather(*waiting)
        return first, beyond, await ask(gate)

    first, beyond, after = asyncio.run(crowd())
    assert {each.status for each in first} == {200}
    assert {each.status for each in beyond} == {503}
    assert said == ["more than 3 requests at once: the others are answered with 503"]
    assert after.status == 200


def test_neither_slow_senders_nor_slow_readers_keep_others_out():
    async def crowd():
        doors, waiting = asyncio.Event(), []

        async def slow(scope, receive, send):
            if scope["method"] == "POST":
                await doors.wait()
            await inside(scope, receive, send)

        async def unread(scope, receive, send):
            async def sent(message):
                await send(message)
                if scope["path"] == "/unread" and message["type"] == "http.response.start":
                    await doors.wait()

            await slow(scope, receive, sent)

        gate = Gate(unread, LOOPBACK, most=3)
        for number in range(9):
            how = {"method": "POST", "content_type": "application/json"} if number < 3 else {}
            waiting.append(asyncio.create_task(ask(gate, "/api/x" if how else "/unread", **how)))
            await asyncio.sleep(0)
        last = await ask(gate, "/api/x", method="POST", content_type="application/json")
        found = [await ask(gate), last]
        doors.set()
        return [each.status for each in found], {
            each.status for each in await asyncio.gather(*waiting)
        }

    assert asyncio.run(crowd()) == ([200, 503], {200})


def test_loopback_needs_no_token_and_other_addresses_do():
    place = server.bind("127.0.0.1", 0)
    place.listener.close()
    port = place.listener_port
    assert place.url == f"http://127.0.0.1:{port}/"
    assert place.access.token is None
    assert f"localhost:{port}" in place.access.hosts
    place = server.bind("0.0.0.0", 0)
    place.listener.close()
    assert place.access.hosts is None
    assert place.url.endswith(f"/?token={place.access.token}")
    assert len(place.access.token) >= 32


def test_a_port_in_use_and_an_address_that_is_none_are_said():
    place = server.bind("127.0.0.1", 0)
    try:
        with pytest.raises(UsageError, match=r"--port \d+: cannot be listened on: .*give another"):
            server.bind("127.0.0.1", place.listener_port)
    finally:
        place.listener.close()
    with pytest.raises(UsageError, match="--host no such host: cannot be listened on"):
        server.bind("no such host", 0)


@pytest.mark.skipif(sys.platform == "win32", reason="files are not counted there")
def test_as_many_files_are_asked_for_as_the_system_lets_it_have():
    import resource

    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = before[1]
    unlimited = most == resource.RLIM_INFINITY
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, most))
        server.allow_files()
        wanted = server.FILES if unlimited else min(server.FILES, most)
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (wanted, most)
        server.allow_files()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (wanted, most)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
