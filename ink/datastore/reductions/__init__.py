"""Reductions: making a datastore small between building and searching it, one module a method."""
