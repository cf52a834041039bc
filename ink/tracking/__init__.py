"""Runs as a person compares them: a journal on disk, written by every job, and its projection in MLflow."""
