"""A real S3 server on loopback, and a proxy before it that fails when it is told to."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from functools import partial
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import obstore
from moto.server import ThreadedMotoServer
from obstore.store import S3Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

HOST = "127.0.0.1"


class Bucket:
    """A bucket of the server's, empty at first."""

    def __init__(self, name: str, port: int) -> None:
        self.name, self.port = name, port
        assert self.request("PUT", f"/{name}")[0] == 200
        self._store = S3Store(name, endpoint=f"http://{HOST}:{port}", allow_http=True)

    @property
    def url(self) -> str:
        """Its address, without a slash."""
        return f"s3://{self.name}"

    def put(self, key: str, data: bytes) -> str:
        """Put an object, and return its address."""
        obstore.put(self._store, key, data)
        return f"{self.url}/{key}"

    def put_folder(self, folder: Path) -> str:
        """Put a folder's files below its name, and return the address of that."""
        for path in folder.rglob("*"):
            if path.is_file():
                self.put(f"{folder.name}/{path.relative_to(folder).as_posix()}", path.read_bytes())
        return f"{self.url}/{folder.name}"

    def request(self, method: str, path: str) -> tuple[int, bytes]:
        """Send a bare request to the server."""
        connection = HTTPConnection(HOST, self.port, timeout=30)
        try:
            connection.request(method, path, headers={"Host": f"{HOST}:{self.port}"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


@contextmanager
def server() -> Iterator[int]:
    """Run the server while the block does, and give its port."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    moto = ThreadedMotoServer(ip_address=HOST, port=0, verbose=False)
    moto.start()
    try:
        yield moto.get_host_and_port()[1]
    finally:
        moto.stop()


class Proxy:
    """Passes requests on to a server, but for those to which it has an answer of its own.

    Attributes
    ----------
    answer
        Called with the method, the path and how often just this was asked for before; returns a
        status that is answered, 0 to hang up, or None to pass the request on.
    seen
        Every request: method, path and range.
    page
        How many objects at most are listed at once, if not as many as the server likes.
    """

    def __init__(self, port: int) -> None:
        self.answer: Callable[[str, str, int], int | None] = lambda method, path, before: None
        self.seen: list[tuple[str, str, str]] = []
        self.page: int | None = None
        self.behind = port
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer((HOST, 0), partial(_Handler, self))
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def status(self, method: str, path: str, part: str) -> int | None:
        """Note a request, and return what it is answered, if it is not passed on."""
        request = method, path, part
        with self._lock:
            before = self.seen.count(request)
            self.seen.append(request)
        return self.answer(method, path, before)

    def __enter__(self) -> Proxy:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, proxy: Proxy, *arguments: Any) -> None:
        self._proxy = proxy
        super().__init__(*arguments)

    def do_GET(self) -> None:
        # What is sent has to be read, whatever the answer.
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status = self._proxy.status(self.command, self.path, self.headers.get("Range", ""))
        if status == 0:
            self.close_connection = True
        elif status is not None:
            self._reply(status, [], b"" if self.command == "HEAD" else b"<Error/>")
        else:
            self._pass_on(body)

    do_HEAD = do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815

    def _pass_on(self, body: bytes) -> None:
        connection = HTTPConnection(HOST, self._proxy.behind, timeout=30)
        page = self._proxy.page if "list-type" in self.path else None
        more = "" if page is None else f"&max-keys={page}"
        try:
            # Connections are told from requests here: one request, one connection there.
            headers = {k: v for k, v in self.headers.items() if k.lower() != "connection"}
            connection.request(self.command, self.path + more, body or None, headers)
            answer = connection.getresponse()
            self._reply(answer.status, answer.getheaders(), answer.read())
        finally:
            connection.close()

    def _reply(self, status: int, headers: list[tuple[str, str]], data: bytes) -> None:
        self.send_response(status)
        own = ("content-length", "connection", "transfer-encoding", "date", "server")
        length = {name.lower(): value for name, value in headers}.get("content-length")
        for name, value in headers:
            if name.lower() not in own:
                self.send_header(name, value)
        is_head = self.command == "HEAD" and length is not None
        self.send_header("Content-Length", str(length if is_head else len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def settings(port: int) -> dict[str, str]:
    """Return the environment in which the server, or a proxy, at a port is S3."""
    return {
        "AWS_ACCESS_KEY_ID": "someone",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://{HOST}:{port}",
        "AWS_ALLOW_HTTP": "true",
    }
