"""One file over HTTP: resumed where it was interrupted, started again where the server has another file by now."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError
from urllib3.util import Retry

from ink.runtime.errors import InkError, reason_of
from ink.runtime.progress import progress
from ink.runtime.whole_files import read_json, remove, write_json
from ink.tools.download.sources import shown_address

CHUNK_BYTES = 1_000_000  # what progress counts
RETRIED_STATUSES = (408, 429, 500, 502, 503, 504)
LONGEST_PAUSE_SECONDS = 120

_TITLE = re.compile(rb"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Patience:
    """So many attempts in a row may bring nothing new; each pause is twice the one before, from `pause_seconds` on.

    timeout_seconds: how long a server may stay silent.
    """

    attempts: int = 6
    pause_seconds: float = 1.0
    timeout_seconds: float = 60.0


PATIENCE = Patience()


class TransferError(InkError):
    """The transfer failed for good; the message is the reason alone, for the caller to say of which file."""


@dataclass(frozen=True)
class _Version:
    """What tells one version of a file at an address from another; length in bytes."""

    address: str
    etag: str | None
    last_modified: str | None
    length: int | None

    @property
    def validator(self) -> str | None:
        """What If-Range takes: a strong ETag, else the date."""
        return self.last_modified if self.etag is None or self.etag.startswith("W/") else self.etag


def transfer(address: str, partial: Path, description: str, patience: Patience = PATIENCE) -> None:
    """Bring the file at `address` into `partial`, from where an earlier call stopped if it is still the same file.

    The same: ETag, Last-Modified and length are those recorded beside it in `partial`.json. What a server says that
    ignores Range, or has another file by now, replaces all that came before. Bytes are kept as they are sent. Raises
    TransferError; `partial` is then left for the next call.
    """
    furthest, fruitless = _size(partial), 0
    with _session(patience) as session:
        while True:
            try:
                _attempt(session, address, partial, description, patience)
                return
            except (HTTPError, requests.RequestException) as error:
                reached = _size(partial)
                # counted from the furthest, or a server that always begins anew would keep this going for ever
                fruitless = 0 if reached > furthest else fruitless + 1
                furthest = max(furthest, reached)
                if fruitless >= patience.attempts:
                    raise TransferError(
                        f"the connection broke off after {reached:,} bytes, {fruitless} times in a row without getting "
                        f"further ({innermost_reason(error)}); what came is kept in {partial} and the next attempt "
                        "goes on from there",
                        code="download/no-answer",
                    ) from None
                time.sleep(min(patience.pause_seconds * 2**fruitless, LONGEST_PAUSE_SECONDS))


def forget(partial: Path) -> None:
    """Remove a partial file; first its bytes, which must never stand beside another version's record."""
    remove(partial)
    remove(_record(partial))


def _session(patience: Patience) -> requests.Session:
    retry = Retry(
        total=patience.attempts - 1,
        status_forcelist=RETRIED_STATUSES,
        allowed_methods=["GET"],
        backoff_factor=patience.pause_seconds,
        backoff_max=LONGEST_PAUSE_SECONDS,
        retry_after_max=LONGEST_PAUSE_SECONDS,
        raise_on_status=False,
    )
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=retry))
    return session


def _attempt(session: requests.Session, address: str, partial: Path, description: str, patience: Patience) -> None:
    version = _version_begun(partial, address)
    offset = 0 if version is None else _size(partial)
    if version is not None and offset == version.length:
        return
    # compressed on the way, an offset and a length would be of something else
    headers = {"Accept-Encoding": "identity"}
    if version is not None and offset:
        headers["Range"] = f"bytes={offset}-"
        if version.validator is not None:
            headers["If-Range"] = version.validator
    with _request_errors_named():
        answer = session.get(address, headers=headers, stream=True, timeout=patience.timeout_seconds)
    with answer as response:
        if offset and response.status_code in (206, 416) and not _continues(response, version, offset):
            forget(partial)
            response.close()
            return _attempt(session, address, partial, description, patience)
        if response.status_code not in ((200, 206) if offset else (200,)):
            times = f" {patience.attempts} times" if response.status_code in RETRIED_STATUSES else ""
            raise TransferError(
                f"the server answered {response.status_code} {response.reason}{times}", code="download/no-answer"
            )
        if response.status_code == 200:
            refuse_page(response, description)
            offset, version = 0, _begin(response, address, partial)
        assert version is not None
        chunks = response.raw.stream(CHUNK_BYTES, decode_content=False)
        total = None if version.length is None else math.ceil(version.length / CHUNK_BYTES)
        begun = offset // CHUNK_BYTES
        with partial.open("ab") as file:
            for chunk in progress(chunks, description=description, unit="MB", total=total, initial=begun):
                file.write(chunk)
    if version.length is not None and _size(partial) != version.length:
        raise HTTPError(f"{_size(partial):,} of {version.length:,} bytes came")


@contextmanager
def _request_errors_named() -> Iterator[None]:
    """Raise TransferError where a server does not answer."""
    try:
        yield
    except (requests.RequestException, HTTPError) as error:
        raise TransferError(
            f"no answer from the server ({innermost_reason(error)})", code="download/no-answer"
        ) from None


def _begin(response: requests.Response, address: str, partial: Path) -> _Version:
    """Forget what came before, and record the version that comes now."""
    headers = response.headers
    length = headers.get("Content-Length")
    if length is None and "chunked" not in headers.get("Transfer-Encoding", ""):
        raise TransferError(
            "the server does not say how long the file is, so that a file cut short could not be recognised",
            code="download/no-answer",
        )
    bytes_in_all = None if length is None else int(length)
    version = _Version(shown_address(address), headers.get("ETag"), headers.get("Last-Modified"), bytes_in_all)
    forget(partial)
    write_json(_record(partial), asdict(version))
    partial.touch()
    return version


def _continues(response: requests.Response, version: _Version | None, offset: int) -> bool:
    """Whether this is the rest of the file whose beginning is here."""
    part = _part(response)
    if version is None or response.status_code != 206 or part is None:
        return False
    start, length = part
    # an answer to If-Range may leave the date out, not a tag that is there otherwise
    tags = [
        (version.etag, response.headers.get("ETag")),
        (version.last_modified, response.headers.get("Last-Modified")),
    ]
    sent = [(old, new) for old, new in tags if new is not None]
    same_length = length is None or version.length in (None, length)
    return start == offset and same_length and bool(sent) and all(old == new for old, new in sent)


def _part(response: requests.Response) -> tuple[int, int | None] | None:
    """Return the first byte of the part of a file that comes, and the file's length, None where that is not said."""
    stated = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
    return None if stated is None else (int(stated[1]), None if stated[2] == "*" else int(stated[2]))


def _version_begun(partial: Path, address: str) -> _Version | None:
    """Return the version of which `partial` holds the beginning, None where that cannot be told."""
    try:
        version = _Version(**read_json(_record(partial)))
    except (InkError, TypeError):  # there is no record, or it holds something else
        return None
    known = (
        partial.is_file()
        and version.address == shown_address(address)
        and (version.etag is not None or version.last_modified is not None)
        and (version.length is None or _size(partial) <= version.length)
    )
    return version if known else None


def refuse_page(response: requests.Response, description: str) -> None:
    """Refuse the page that services show in place of a file: too many downloads, a login, a question."""
    if not response.headers.get("Content-Type", "").startswith("text/html"):
        return
    titled = _TITLE.search(response.raw.read(CHUNK_BYTES, decode_content=False))
    title = titled[1].decode("utf-8", "replace").strip() if titled else "without title"
    raise TransferError(
        f"the server answered with a web page ({title}) in place of {description}; open the address in a browser to "
        "see what it wants",
        code="download/web-page",
    )


def innermost_reason(error: BaseException) -> str:
    """Return the innermost reason of a chain of requests' and urllib3's errors."""
    inner = getattr(error, "reason", None) or next(
        (cause for cause in error.args if isinstance(cause, Exception)), None
    )
    return innermost_reason(inner) if isinstance(inner, BaseException) else reason_of(error)


def _record(partial: Path) -> Path:
    return partial.with_name(f"{partial.name}.json")


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def remote_size(address: str, description: str, timeout_seconds: float) -> int | None:
    """Return the bytes of the file at `address`, None where the server does not say; redirections are followed.

    One byte is requested, since some servers refuse HEAD, and of a longer answer nothing is read. Raises TransferError,
    whose message is the reason alone, where nobody answers, or not with a file: `description` is its name.
    """
    headers = {"Accept-Encoding": "identity", "Range": "bytes=0-0"}
    with (
        _request_errors_named(),
        requests.get(address, headers=headers, stream=True, timeout=timeout_seconds) as response,
    ):
        if response.status_code not in (200, 206):
            raise TransferError(
                f"the server answered {response.status_code} {response.reason}", code="download/no-answer"
            )
        refuse_page(response, description)
        if response.status_code == 206:
            return (_part(response) or (0, None))[1]
        length = response.headers.get("Content-Length", "")
        return int(length) if length.isdecimal() else None
