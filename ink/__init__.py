"""INK: injecting kNN knowledge in nearest neighbour machine translation (Zhu et al., ACL 2023), reproduced."""

from ink.runtime.imports import install

__version__ = "0.1.0"

install()
