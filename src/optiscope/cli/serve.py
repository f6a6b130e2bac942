"""`optiscope report --serve`: the page, to this machine alone, until it is interrupted."""

from __future__ import annotations

from pathlib import Path

from ..report import page_server


def serve_page(page: Path, port: int) -> None:
    """Serve one file and say where. Raises InputError where the port is taken."""
    with page_server(page, port) as server:
        address, taken = server.server_address[:2]
        print(f"serving   http://{address}:{taken}/report.html (Ctrl-C ends it)", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print("ended")
