"""Clients that never finish a request, or never read an answer, keep nobody else out."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import socket

import pytest
import uvicorn
from uvicorn.server import ServerState

from cfr_shm.viewer import connection, server
from cfr_shm.viewer.connection import Connection

REQUEST = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"
PATIENCE = 0.4


async def large(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"x" * (1 << 20)})


@contextlib.asynccontextmanager
async def listening(monkeypatch):
    monkeypatch.setattr(Connection, "patience_seconds", PATIENCE)
    config = uvicorn.Config(large, lifespan="off", ws="none", log_level="critical")
    config.load()
    state = ServerState()
    make = functools.partial(Connection, config=config, server_state=state, app_state={})
    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], state
    for each in list(state.connections):
        each.give_up()


async def came(port, data):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    return reader, writer


async def all_of(reader):
    with contextlib.suppress(ConnectionError):
        return await asyncio.wait_for(reader.read(), 30)
    return b""


def test_head_and_body_of_an_answer_do_not_wait_for_each_other():
    """Without TCP_NODELAY an answer takes 40 ms more: its body waits for word of its head."""

    async def tried():
        made = []

        class Heard(asyncio.Protocol):
            def connection_made(self, transport):
                made.append(transport.get_extra_info("socket"))

        place = server.bind("127.0.0.1", 0)
        loop = asyncio.get_running_loop()
        async with await loop.create_server(Heard, sock=place.listener):
            _, writer = await came(place.listener_port, b"")
            while not made:
                await asyncio.sleep(0.01)
            found = made[0].getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            writer.close()
        return found

    assert asyncio.run(tried())


@pytest.mark.parametrize(
    "begun", [b"", b"GET / HTTP/1.1\r\nX: ", REQUEST + b"GET / HT", b"\x16\x03\x01\x02"]
)
def test_a_request_that_is_never_finished_is_given_up(begun, monkeypatch):
    async def tried():
        async with listening(monkeypatch) as (port, state):
            reader, writer = await came(port, begun)
            found = await all_of(reader)
            writer.close()
            return found, len(state.connections)

    found, left = asyncio.run(tried())
    assert (b"200 OK" in found) == (REQUEST in begun)
    assert left == 0


def test_bytes_that_trickle_in_gain_no_time(monkeypatch):
    async def tried():
        async with listening(monkeypatch) as (port, _):
            reader, writer = await came(port, b"GET / HTTP/1.1\r\nX: ")
            ended = asyncio.create_task(all_of(reader))
            count = 0
            while not ended.done():
                writer.write(b"a")
                await asyncio.sleep(PATIENCE / 10)
                count += 1
            writer.close()
            return await ended, count

    found, count = asyncio.run(tried())
    assert found == b""
    assert count < 10_000


def test_an_answer_that_is_never_read_is_given_up(monkeypatch):
    async def tried():
        async with listening(monkeypatch) as (port, state):
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", port))
            client.sendall(REQUEST * 20)
            while not state.tasks:
                await asyncio.sleep(0.01)
            while state.connections or state.tasks:
                await asyncio.sleep(0.05)
            client.close()

    asyncio.run(asyncio.wait_for(tried(), 30))


def test_who_waits_longest_makes_room(monkeypatch):
    monkeypatch.setattr(connection, "MOST_CONNECTIONS", 8)
    monkeypatch.setattr(connection, "HEARD_SECONDS", 0.0)

    async def tried():
        async with listening(monkeypatch) as (port, state):
            monkeypatch.setattr(Connection, "patience_seconds", 1e6)
            idle = [await came(port, b"GET / HTTP/1.1\r\nX: ") for _ in range(30)]
            reader, writer = await came(
                port, REQUEST.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
            )
            found = await all_of(reader)
            kept = len(state.connections)
            first = await all_of(idle[0][0])
            for _, each in [*idle, (reader, writer)]:
                each.close()
            return found, kept, first

    found, kept, first = asyncio.run(tried())
    assert found.startswith(b"HTTP/1.1 200 OK")
    assert kept < 8
    assert first == connection.MADE_ROOM


def test_those_who_came_just_now_are_heard_unless_they_are_very_many(monkeypatch):
    monkeypatch.setattr(connection, "MOST_CONNECTIONS", 8)
    monkeypatch.setattr(connection, "MOST_IN_A_CROWD", 40)

    async def tried():
        async with listening(monkeypatch) as (port, state):
            monkeypatch.setattr(Connection, "patience_seconds", 1e6)
            monkeypatch.setattr(connection, "HEARD_SECONDS", 1e6)
            crowd = [await came(port, b"") for _ in range(60)]
            while len(state.connections) != 39:
                await asyncio.sleep(0.01)
            for _, each in crowd[-39:]:
                each.write(REQUEST.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            found = [await all_of(reader) for reader, _ in crowd]
            for _, each in crowd:
                each.close()
            return found

    found = asyncio.run(tried())
    assert [each == connection.MADE_ROOM for each in found] == [True] * 21 + [False] * 39
    assert all(each.startswith(b"HTTP/1.1 200 OK") for each in found[21:])
