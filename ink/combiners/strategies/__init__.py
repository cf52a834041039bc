"""Search strategies: at which steps of beam search neighbours are sought, and where."""
