"""What tables call a system or a reduction that an experiment's file names: the name, written as readers write it."""

from __future__ import annotations

# a word of a name -> how it is written
_WRITTEN = {"ink": "INK", "knn": "kNN", "mt": "MT", "nmt": "NMT", "pca": "PCA", "pck": "PCK", "plac": "PLAC"}
# words that belong together; a control has as many entries as another reduction leaves, and only a draw can
_PHRASES = {
    "as_many_as": "as many at random as",
    "kernel_smoothed": "kernel-smoothed",
    **{f"{letter}_knn": f"{letter.upper()}-kNN" for letter in "var"},
    "sk_mt": "SK-MT",
}


def in_words(name: str) -> str:
    """Write a name in words: kernel_smoothed_knn -> kernel-smoothed kNN, pca_32 -> PCA 32."""
    words = f"_{name}_"
    for phrase, written in _PHRASES.items():
        words = words.replace(f"_{phrase}_", f"_{written}_")
    return " ".join(_WRITTEN.get(word, word) for word in words.strip("_").split("_"))


def row_name(name: str) -> str:
    """Write the name of an experiment's own system as a row's: with a capital where it is of several words."""
    words = in_words(name)
    first, _, rest = words.partition(" ")
    return f"{first.capitalize()} {rest}" if rest and first.islower() else words
