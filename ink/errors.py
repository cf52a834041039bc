"""The error that is meant for the person at the keyboard."""

from __future__ import annotations


class InkError(Exception):
    """Something a person can put right: the message says what was wrong, where, and what to do."""
