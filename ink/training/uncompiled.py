"""Training without torch's compiler, which nothing here uses."""

from __future__ import annotations

from types import FunctionType

from torch.optim import Optimizer

_LEFT_ALONE = "__dynamo_disable"  # where torch keeps what it calls in a method's place, once the compiler is loaded


def leave_compiler_unloaded() -> None:
    """Let an optimiser's methods run as they are.

    torch has some of them ask its compiler to leave them alone, and so loads it, and sympy, for a second of CPU time.
    """
    for method in vars(Optimizer).values():
        if isinstance(method, FunctionType) and method.__code__.co_filename.endswith("_compile.py"):
            plain = getattr(method, "__wrapped__", None)
            if plain is not None:
                setattr(plain, _LEFT_ALONE, plain)
