"""Hugging Face encoder-decoders as translation models: the only folder that imports transformers for them."""

# of a vocabulary folder: it is a Hugging Face model's, and in which languages
DESCRIPTION = "huggingface.json"
