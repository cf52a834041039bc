"""fairseq's Transformers as translation models: the only folder that imports fairseq."""
