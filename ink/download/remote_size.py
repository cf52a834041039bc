"""Asking an address what it serves, without fetching it."""

from __future__ import annotations

import re

import requests
from urllib3.exceptions import HTTPError

from ink.download.transfer import TransferError, cause_in_words, refuse_page


def remote_size(address: str, description: str, timeout_seconds: float) -> int | None:
    """Return the bytes of the file at `address`, None where the server does not say; redirections are followed.

    One byte is asked for, since some servers refuse HEAD, and of a longer answer nothing is read. Raises TransferError,
    whose message is the reason alone, where nobody answers, or not with a file: `description` is its name.
    """
    headers = {"Accept-Encoding": "identity", "Range": "bytes=0-0"}
    try:
        with requests.get(address, headers=headers, stream=True, timeout=timeout_seconds) as response:
            if response.status_code not in (200, 206):
                raise TransferError(f"the server answered {response.status_code} {response.reason}")
            refuse_page(response, description)
            if response.status_code == 206:
                of_all = re.fullmatch(r"bytes \d+-\d+/(\d+)", response.headers.get("Content-Range", ""))
                return int(of_all[1]) if of_all else None
            length = response.headers.get("Content-Length", "")
            return int(length) if length.isdecimal() else None
    except (requests.RequestException, HTTPError) as error:
        raise TransferError(f"no answer from the server ({cause_in_words(error)})") from None
