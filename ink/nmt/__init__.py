"""The base model and its adapter: loading, keys, beam search."""
