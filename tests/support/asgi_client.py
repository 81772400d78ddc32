"""Ask an ASGI application in this process, as a browser would."""

from __future__ import annotations

import asyncio
import json
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

HOST = "127.0.0.1:8377"


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


async def ask(app, target="/", method="GET", host=HOST, body=b"", **headers):
    parts = urlsplit(target)
    sent = []
    given = [(b"host", host.encode())] if host is not None else []
    given += [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {
        "type": "http",
        "method": method,
        "path": unquote(parts.path),
        "raw_path": parts.path.encode(),
        "query_string": parts.query.encode(),
        "headers": given,
        "scheme": "http",
        "http_version": "1.1",
        "server": ("127.0.0.1", 8377),
        "client": ("127.0.0.1", 1),
        "root_path": "",
    }

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    body = b"".join(each.get("body", b"") for each in sent[1:])
    return Answer(sent[0]["status"], headers, body)


def get(app, target="/", **how):
    return asyncio.run(ask(app, target, **how))


def post(app, target, document=b"", **how):
    """Send a JSON document, or bytes."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    how = {"content_type": "application/json", **how}
    return asyncio.run(ask(app, target, method="POST", body=body, **how))
