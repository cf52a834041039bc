"""Training: the base model, kNN-KD, adapters, and INK's rounds, by the optimiser of the model's backend."""
