"""Training: the base model, adapters, and INK's rounds, on fairseq's Trainer."""
