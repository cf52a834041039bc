"""Combiners: what turns neighbours into p_kNN and lambda, and mixes them with the model's own distribution."""
