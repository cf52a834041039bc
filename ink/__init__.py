"""INK: injecting kNN knowledge in nearest neighbour machine translation (Zhu et al., ACL 2023), reproduced."""

__version__ = "0.1.0"
