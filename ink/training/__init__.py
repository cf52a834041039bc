"""Training: the base model, kNN-KD, adapters, and INK's rounds, on fairseq's Trainer."""
