"""Metrics of translation quality, one module and one entry of the registry each, and comparisons of systems by them."""
