"""The report of a run that goes on, served on this machine alone: the page asks every second for what changed.

LivePage   what changed since a version, from the run's folder; draws only what must be drawn anew
Handler    GET /, /live.json?since=N, /logs/NAME; nothing else, to nobody else
serve      until the run ends or somebody interrupts
"""

import datetime
import http.server
import json
import threading
import time
import urllib.parse
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

from pipeline.readers.run_view import RunView
from pipeline.report.now import now_section
from pipeline.report.page import content_policy, render_contents, render_page, render_section, script_of
from pipeline.report.run_page import page_sections, page_top, upstream_of
from pipeline.report.run_section import run_section
from pipeline.report.section import Section
from pipeline.run_store import RunRecord, RunStore

SCRIPTS = ("page.js", "live.js")
ADDRESS = "127.0.0.1"
_CHUNK_BYTES = 64 * 1024
_LAST_WORD_S = 15.0
"""How long an open page has to fetch the end of the run: a page in the background asks every five seconds."""


class LivePage:
    """The page of a run as it stands, in numbered versions."""

    def __init__(self, store: RunStore, run_id: str) -> None:
        """Draws nothing yet."""
        self._store, self._run_id = store, run_id
        self._lock = threading.Lock()
        self._sections: list[Section] = []
        self._parts: dict[str, tuple[int, str]] = {}
        self._version = 0
        self._seen: tuple[RunRecord, tuple[int, int]] | None = None
        self.was_asked = False
        self.has_told_the_end = False

    def page(self) -> str:
        """The whole page."""
        with self._lock:
            view = self._renewed()
            return render_page(
                title=f"{view.record.pipeline_name} · {view.record.run_id}",
                top=page_top(view, is_live=True),
                sections=self._sections,
                foot="This page follows the run. When the run has ended, its report is in the run's folder.",
                scripts=SCRIPTS,
                connects=True,
            )

    def changes(self, since: int) -> dict[str, Any]:
        """The parts that are newer than a version: their HTML by the id of their element."""
        with self._lock:
            view = self._renewed()
            self.was_asked = True
            ended = view.record.state != "RUNNING"
            self.has_told_the_end = self.has_told_the_end or ended
            newer = {name: html for name, (version, html) in self._parts.items() if version > since}
            return {"version": self._version, "ended": ended, "parts": newer}

    def is_running(self) -> bool:
        """True while the run goes on."""
        return self._store.read(self._run_id).state == "RUNNING"

    def log(self, name: str) -> Path | None:
        """A log file of the run by its name, None unless the run's folder has a plain file of exactly that name."""
        folder = self._store.run_folder(self._run_id) / "logs"
        files = {path.name: path for path in folder.iterdir()} if folder.is_dir() else {}
        found = files.get(name)
        return found if found and found.is_file() and not found.is_symlink() else None

    def _renewed(self) -> RunView:
        """The run as it stands, after drawing what changed: everything after a node began or ended, else the head."""
        view = RunView.open(self._store, self._run_id)
        stamp = _stamp(self._store.events_path(self._run_id))
        if self._seen is None or self._seen[0] != view.record:
            self._sections = [now_section(view), *page_sections(view, _now())]
        elif self._seen[1] != stamp:
            fresh = {section.section_id: section for section in (now_section(view), _run(view))}
            self._sections = [fresh.get(section.section_id, section) for section in self._sections]
        else:
            return view
        self._seen = view.record, stamp
        self._keep({"top": str(page_top(view, is_live=True)), "contents": render_contents(self._sections)})
        self._keep({section.section_id: render_section(section) for section in self._sections})
        return view

    def _keep(self, parts: Mapping[str, str]) -> None:
        """Gives a new version to the parts that differ from what is known."""
        changed = {name: html for name, html in parts.items() if self._parts.get(name, (0, None))[1] != html}
        if changed:
            self._version += 1
            self._parts |= {name: (self._version, html) for name, html in changed.items()}


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers GET for the page of one run; asks for the Host header to be this machine's, against DNS rebinding."""

    server: "LiveServer"
    server_version = "penstock"
    sys_version = ""
    timeout = 30

    def do_GET(self) -> None:
        """The page, its changes, or a log."""
        if self.headers.get("Host", "").lower() not in self.server.own_names:
            self._answer(HTTPStatus.FORBIDDEN, "This server answers on this machine's own address only.")
            return
        path, _, query = self.path.partition("?")
        if path == "/":
            self._answer(
                HTTPStatus.OK, self.server.page.page(), "text/html", content_policy(script_of(SCRIPTS), connects=True)
            )
        elif path == "/live.json":
            self._answer(HTTPStatus.OK, json.dumps(self.server.page.changes(_since(query))), "application/json")
        else:
            self._log_or_nothing(path)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Says nothing: the terminal belongs to the command."""

    def _log_or_nothing(self, path: str) -> None:
        name = urllib.parse.unquote(path.removeprefix("/logs/")) if path.startswith("/logs/") else ""
        found = self.server.page.log(name)
        if found is None:
            self._answer(HTTPStatus.NOT_FOUND, "There is nothing here.")
            return
        with found.open("rb") as file:
            left = found.stat().st_size
            self._head(HTTPStatus.OK, "text/plain", left, "default-src 'none'; sandbox")
            while left and (chunk := file.read(min(left, _CHUNK_BYTES))):  # a log that grows keeps its promise
                self.wfile.write(chunk)
                left -= len(chunk)

    def _answer(
        self, status: HTTPStatus, text: str, kind: str = "text/plain", policy: str = "default-src 'none'"
    ) -> None:
        body = text.encode()
        self._head(status, kind, len(body), policy)
        self.wfile.write(body)

    def _head(self, status: HTTPStatus, kind: str, length: int, policy: str) -> None:
        self.send_response(status)
        headers = {
            "Content-Type": f"{kind}; charset=utf-8",
            "Content-Length": str(length),
            "Content-Security-Policy": f"{policy}; frame-ancestors 'none'",
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
        }
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


class LiveServer(http.server.ThreadingHTTPServer):
    """The server of one page, on the loopback address."""

    daemon_threads = True

    def __init__(self, page: LivePage, port: int) -> None:
        """Takes the port, any free one for 0.

        Raises:
          OSError: if the port is taken.
        """
        super().__init__((ADDRESS, port), Handler)
        self.page = page
        self.own_names = {f"{name}:{self.server_port}" for name in (ADDRESS, "localhost")}

    @property
    def address(self) -> str:
        """Where a browser finds the page."""
        return f"http://{ADDRESS}:{self.server_port}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Passes over a browser that went away; anything else is a defect and is shown."""
        import sys

        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


def serve(server: LiveServer, on_ready: Callable[[str], None], *, look_every_s: float = 0.5) -> None:
    """Serves the page until its run has ended and an open page knows it; KeyboardInterrupt ends it at once.

    `on_ready` gets the address; the server is closed in the end.
    """
    page = server.page
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        thread.start()
        try:
            on_ready(server.address)
            while page.is_running():
                time.sleep(look_every_s)
            until = time.monotonic() + (_LAST_WORD_S if page.was_asked else 0.0)
            while not page.has_told_the_end and time.monotonic() < until:
                time.sleep(look_every_s)
        finally:
            server.shutdown()


def _run(view: RunView) -> Section:
    return run_section(view.record, upstream_of(view), view.folder / "logs", _now())


def _since(query: str) -> int:
    text = urllib.parse.parse_qs(query).get("since", ["0"])[0]
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _stamp(path: Path) -> tuple[int, int]:
    """Changes when the file does."""
    if not path.is_file():
        return 0, 0
    found = path.stat()
    return found.st_mtime_ns, found.st_size


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
