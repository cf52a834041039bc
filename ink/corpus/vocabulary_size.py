"""What is asked of a vocabulary that is there, before a job spends hours and finds that it is smaller."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ink.config.bounds import probabilities_asked, values_of
from ink.corpus.vocabulary import check_dictionary
from ink.errors import InkError
from ink.layout import Layout


def check_vocabulary_size(config: Mapping[str, Any]) -> None:
    """Raise InkError where a system looks at more of the model's probabilities than its target dictionary has tokens.

    The dictionary is the one that comes with the base model, or that the experiment has made. One that is not there
    yet, or that does not parse, is its own job's to tell.
    """
    given = config["base_model"]["target_dictionary"]
    made = Path(Layout(config).vocabulary) / f"dict.{config['data']['target_language']}.txt"
    dictionary = made if given is None else Path(given)
    if not dictionary.is_file():
        return
    try:
        types = check_dictionary(dictionary)
    except InkError:
        return
    for name, value in probabilities_asked(dict(config)).items():
        for key, found in values_of(name, value):
            if found > types:
                raise InkError(f"{key} is {found}, but {dictionary} has {types} tokens; set it to {types} or less")
