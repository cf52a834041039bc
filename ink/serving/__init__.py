"""A trained system as an MLflow model: its files in one folder, its answers over HTTP, and its place in a registry."""
