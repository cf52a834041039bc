"""A Hugging Face hub on this machine: it has models, refuses some, and goes away."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit


@dataclass
class Repository:
    """A model's files by commit, and the commit that each branch or tag names."""

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    revisions: dict[str, str] = field(default_factory=dict)
    licence: str | None = "apache-2.0"
    gated: bool = False


class Hub:
    """Serves `models`, by name; `requests`: the paths requested so far, `files`: the names of the files among them."""

    def __init__(self) -> None:
        self.models: dict[str, Repository] = {}
        self.requests: list[str] = []
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @property
    def files(self) -> set[str]:
        return {path.rpartition("/")[2] for path in self.requests if "/resolve/" in path}

    def add(self, name: str, folder: Path, revision: str = "main", **more: Any) -> str:
        """Commit a folder's files and let a branch name them; return the commit."""
        files = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
        commit = hashlib.sha1(repr((name, files)).encode()).hexdigest()
        found = self.models.setdefault(name, Repository(**more))
        found.commits[commit] = files
        found.revisions |= {revision: commit, commit: commit}
        return commit

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body, as the hub's own answers have them."""
        if found := re.fullmatch(r"/api/models/(.+)/revision/(.+)", path):
            name, revision = found.groups()
            return self._model(name, revision)
        if (found := re.fullmatch(r"/(.+)/resolve/([^/]+)/(.+)", path)) is None:
            return 404, {}, b""
        name, commit, file = found.groups()
        repository = self.models[name]
        if repository.gated:
            return 403, {"X-Error-Code": "GatedRepo"}, b""
        if (content := repository.commits[commit].get(file)) is None:
            return 404, {"X-Error-Code": "EntryNotFound"}, b""
        return 200, {"ETag": f'"{hashlib.sha1(content).hexdigest()}"', "X-Repo-Commit": commit}, content

    def _model(self, name: str, revision: str) -> tuple[int, dict[str, str], bytes]:
        repository = self.models.get(name)
        if repository is None:
            return 404, {"X-Error-Code": "RepoNotFound"}, b""
        commit = repository.revisions.get(revision)
        if commit is None:
            return 404, {"X-Error-Code": "RevisionNotFound"}, b""
        files = [{"rfilename": file, "size": len(content)} for file, content in repository.commits[commit].items()]
        card = {} if repository.licence is None else {"license": repository.licence}
        answer = {"id": name, "sha": commit, "siblings": files, "cardData": card, "gated": repository.gated}
        return 200, {"Content-Type": "application/json"}, json.dumps(answer).encode()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = unquote(urlsplit(self.path).path)
                hub.requests.append(path)
                status, headers, body = hub.answer(path)
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body)

            do_HEAD = do_GET

            def log_message(self, *arguments: Any) -> None:
                pass

        return Handler
