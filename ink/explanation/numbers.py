"""Numbers of an explanation as readers see them."""

from __future__ import annotations

SMALLEST = 0.001


def probability(p: float) -> str:
    """Return a probability or share with three decimals; what these would turn into 0 is called less than 0.001."""
    return f"<{SMALLEST}" if 0 < p < SMALLEST else f"{p:.3f}"


def distance(d: float) -> str:
    """Return a squared distance with two decimals, without where it has four digits before the point."""
    return f"{d:.2f}" if d < 1000 else f"{d:.0f}"
