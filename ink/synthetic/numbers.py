"""Numbers, dates, versions and references, written the German and the English way."""

from __future__ import annotations

import random
from collections.abc import Callable

_MONTHS = (
    ("Januar", "January"), ("Februar", "February"), ("März", "March"), ("April", "April"), ("Mai", "May"),
    ("Juni", "June"), ("Juli", "July"), ("August", "August"), ("September", "September"), ("Oktober", "October"),
    ("November", "November"), ("Dezember", "December"),
)  # fmt: skip
_WORDS = (
    ("zwei", "two"), ("drei", "three"), ("vier", "four"), ("fünf", "five"), ("sechs", "six"), ("sieben", "seven"),
    ("acht", "eight"), ("neun", "nine"), ("zehn", "ten"), ("zwölf", "twelve"),
    ("vierzig", "forty"), ("hundert", "a hundred"),
)  # fmt: skip


def integer(value: int) -> tuple[str, str]:
    """1.500 and 1,500; four digits and more are grouped."""
    english = f"{value:,}"
    return english.replace(",", "."), english


def decimal(value: float, places: int = 1) -> tuple[str, str]:
    """2,5 and 2.5."""
    english = f"{value:.{places}f}"
    return english.replace(".", ","), english


def date(day: int, month: int, year: int) -> tuple[str, str]:
    """15. März 2004 and 15 March 2004."""
    german, english = _MONTHS[month - 1]
    return f"{day}. {german} {year}", f"{day} {english} {year}"


def _range(rng: random.Random, low: str = "2", high: str = "30", step: str = "1") -> tuple[str, str]:
    return integer(rng.randrange(int(low), int(high) + 1, int(step)))


def _plain(rng: random.Random, low: str, high: str) -> tuple[str, str]:
    value = str(rng.randint(int(low), int(high)))
    return value, value


def _decimal(rng: random.Random, low: str = "0", high: str = "20") -> tuple[str, str]:
    return decimal(rng.randint(10 * int(low) + 1, 10 * int(high)) / 10)


def _percent(rng: random.Random) -> tuple[str, str]:
    german, english = decimal(rng.randint(1, 400) / 10) if rng.random() < 0.4 else integer(rng.randint(2, 95))
    return f"{german} %", f"{english}%"


def _date(rng: random.Random) -> tuple[str, str]:
    return date(rng.randint(1, 28), rng.randint(1, 12), rng.randint(1972, 2016))


def _time(rng: random.Random) -> tuple[str, str]:
    hour, minute = rng.randint(6, 22), rng.choice(("00", "15", "20", "30", "45"))
    return f"{hour}.{minute} Uhr", f"{hour}:{minute}"


def _act(rng: random.Random) -> tuple[str, str]:
    text = f"{rng.randint(11, 2999)}/{rng.randint(1985, 2014)}"
    return text, text


def _directive(rng: random.Random) -> tuple[str, str]:
    text = f"{rng.randint(1985, 2014)}/{rng.randint(1, 139)}"
    return f"{text}/EG", f"{text}/EC"


def _version(rng: random.Random) -> tuple[str, str]:
    text = ".".join(str(rng.randint(0, high)) for high in ((12, 9), (9, 12, 9))[rng.random() < 0.4])
    return text, text


def _word(rng: random.Random) -> tuple[str, str]:
    return _WORDS[min(int(rng.expovariate(0.35)), len(_WORDS) - 1)]


def _letter(rng: random.Random) -> tuple[str, str]:
    letter = rng.choice("abcdefg")
    return letter, letter


KINDS: dict[str, Callable[..., tuple[str, str]]] = {
    "int": _range, "plain": _plain, "decimal": _decimal, "percent": _percent, "date": _date, "time": _time, "act": _act,
    "directive": _directive, "version": _version, "word": _word, "letter": _letter,
}  # fmt: skip


def number(kind: str, arguments: list[str], rng: random.Random) -> tuple[str, str]:
    """Draw a number of `kind` (a key of KINDS); return it in German and in English."""
    return KINDS[kind](rng, *arguments)
