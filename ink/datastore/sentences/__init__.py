"""Datastores made while decoding, one for each sentence, of the training pairs that are like it (SK-MT)."""
