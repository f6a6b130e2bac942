"""The page of a report on this machine alone: one file, at 127.0.0.1, for whoever asks by that name.

A page of somebody else's may make a browser ask a server of this machine, under a name that it points here (DNS
rebinding). Such a request carries that name: it is refused. Imports the standard library only.
"""

from __future__ import annotations

from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from ..errors import InputError, StoreError

ADDRESS = "127.0.0.1"
NAMES = (ADDRESS, "localhost")
PATHS = ("/", "/report.html")


def page_server(page: Path, port: int = 8730) -> ThreadingHTTPServer:
    """A server of one file, not yet running: `serve_forever()` runs it, `server_address` says where it is.

    The file is read anew for each request. `port` 0 takes any that is free.

    Raises:
        InputError: the port is taken, or is none.
        StoreError: there is no such file.
    """
    if not page.is_file():
        raise StoreError(f"{str(page)!r} is not there: write the report first")
    if not 0 <= port <= 65535:
        raise InputError(f"port must be between 0 and 65535, got {port}")

    class Handler(_Handler):
        file = page

    try:
        return ThreadingHTTPServer((ADDRESS, port), Handler)
    except OSError as error:
        why = error.strerror or error
        raise InputError(
            f"cannot serve on port {port}: {why}; give another, or --port 0 for any that is free"
        ) from error


class _Handler(BaseHTTPRequestHandler):
    file: Path
    server_version, sys_version = "optiscope", ""

    def do_GET(self) -> None:
        """Answer with the page."""
        self._answer(body=True)

    def do_HEAD(self) -> None:
        """Answer with the headers of the page."""
        self._answer(body=False)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the terminal is the user's."""

    def _answer(self, body: bool) -> None:
        port = int(self.server.server_address[1])  # type: ignore[index]
        host = self.headers.get("Host", "").lower()
        if host not in {name for own in NAMES for name in (f"{own}:{port}", *([own] if port == 80 else []))}:
            self._refuse(HTTPStatus.MISDIRECTED_REQUEST, f"This page is served as {ADDRESS}:{port} alone.")
        elif self.path.partition("?")[0] not in PATHS:
            self._refuse(HTTPStatus.NOT_FOUND, "There is one page here: /report.html")
        else:
            try:
                content = self.file.read_bytes()
            except OSError:
                self._refuse(HTTPStatus.NOT_FOUND, "The report is gone: write it again.")
                return
            self._send(HTTPStatus.OK, "text/html; charset=utf-8", content if body else b"", len(content))

    def _refuse(self, status: HTTPStatus, words: str) -> None:
        content = (words + "\n").encode()
        self._send(status, "text/plain; charset=utf-8", content, len(content))

    def _send(self, status: HTTPStatus, kind: str, content: bytes, length: int) -> None:
        self.send_response(status)
        headers = {
            "Content-Type": kind, "Content-Length": str(length), "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
        }  # fmt: skip
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
