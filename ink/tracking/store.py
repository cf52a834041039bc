"""Where MLflow is: the URI of its store, whether a server answers there, and how long anybody waits for it."""

from __future__ import annotations

import os
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ink.runtime.errors import InkError

# MLflow's default as `mlflow ui` writes it: relative, since a folder's name may have what means something in a URI
PROJECTS_DATABASE = "sqlite:///mlflow.db"
_SQLITE = "sqlite:///"
PROBE_SECONDS = 3.0  # for a server's first word
REQUEST_SECONDS, RETRIES = 10, 1


class UploadError(InkError):
    """MLflow could not be filled: it is not there, or refused."""

    code = "tracking/refused"


def configured_uri(config: Mapping[str, Any]) -> str | None:
    """Return where runs go: the config's word, then the environment's; None leaves it to MLflow (./mlflow.db)."""
    uri = config["mlflow"]["tracking_uri"] or os.environ.get("MLFLOW_TRACKING_URI")
    return str(uri) if uri else None


def without_password(uri: str) -> str:
    """Return a URI fit to be shown and kept."""
    parts = urllib.parse.urlsplit(uri)
    return uri.replace(f"{parts.netloc}", parts.netloc.rpartition("@")[2], 1) if "@" in parts.netloc else uri


def is_server(uri: str) -> bool:
    """Whether a URI is a server's, not a database's on this machine."""
    return uri.startswith(("http://", "https://"))


def database_file(uri: str) -> Path | None:
    """Return the file of a SQLite database; None for any other store.

    SQLAlchemy takes the path as it stands there: `%20` is no blank.
    """
    return Path(uri.removeprefix(_SQLITE).partition("?")[0]) if uri.startswith(_SQLITE) else None


def probe(uri: str) -> None:
    """Ask a server for a sign of life, whatever it says; UploadError where none comes within PROBE_SECONDS."""
    try:
        urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=PROBE_SECONDS).close()
    except urllib.error.HTTPError:
        return
    except OSError as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, ssl.SSLError):
            return  # somebody is there: what to trust is MLflow's business
        text = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
        raise UploadError(
            f"MLflow at {without_password(uri)} cannot be reached ({text})", code="tracking/unreachable"
        ) from None
    except Exception as error:
        raise UploadError(
            f"MLflow at {without_password(uri)} cannot be reached ({error})", code="tracking/unreachable"
        ) from None


def prepare_environment() -> None:
    """Bound what MLflow may wait, and let it neither chat nor report; a person's own settings stand."""
    settings = {
        "MLFLOW_HTTP_REQUEST_TIMEOUT": str(REQUEST_SECONDS),
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": str(RETRIES),
        "MLFLOW_LOGGING_LEVEL": "WARNING",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    }
    for name, value in settings.items():
        os.environ.setdefault(name, value)
