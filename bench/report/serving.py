"""A report over HTTP, to this machine alone, for a quick look where no file can be opened."""

import functools
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from bench.errors import UsageError

HOST = "127.0.0.1"
PORT = 8017


class Handler(SimpleHTTPRequestHandler):
    """Files of one folder. Another host's name in a request is refused: a page elsewhere could have it lead here."""

    def send_head(self):  # type: ignore[no-untyped-def]
        host = (self.headers.get("Host") or "").rpartition(":")[0] or self.headers.get("Host")
        if host not in (HOST, "localhost"):
            self.send_error(403, "only for this machine", f"asked as {host!r}; open http://{HOST}")
            return None
        return super().send_head()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 -- as the standard library has it
        """Nothing: who looks at a page needs no log."""


def server(folder: Path, port: int) -> ThreadingHTTPServer:
    """A server that is not yet serving; UsageError if the port is taken."""
    try:
        return ThreadingHTTPServer((HOST, port), functools.partial(Handler, directory=str(folder)))
    except (OSError, OverflowError) as error:
        what = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"--port {port}: {what}; another may do, such as --port {PORT + 1}") from None
