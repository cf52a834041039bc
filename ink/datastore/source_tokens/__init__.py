"""Source tokens of the training text, and a datastore a sentence of what is aligned with the nearest (Fast kNN-MT)."""
