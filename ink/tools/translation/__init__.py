"""Translating a person's text with a trained system."""
