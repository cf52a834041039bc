"""The script that an MLflow model is: MLflow copies it into the model, and runs it wherever the model is loaded.

Nothing of ink imports it.
"""

from __future__ import annotations

import functools
from pathlib import Path
from threading import Lock
from typing import Any

from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.protos.databricks_pb2 import BAD_REQUEST, INTERNAL_ERROR
from mlflow.pyfunc import PythonModel, PythonModelContext

from ink.runtime.errors import InkError, warn
from ink.serving.answers import Refused, answers, lines_of
from ink.serving.system_folder import load_system_folder


class OneLine(MlflowException):
    """An answer in one line that stays as it is: MLflow would put everything that was sent before it."""

    @property
    def message(self) -> str:
        """What is answered."""
        return str(self.args[0]) if self.args else ""

    @message.setter
    def message(self, value: str) -> None:
        pass


def in_one_line(kind: Any) -> Any:
    """Let what is wrong with a request, or with answering it, be one line.

    MLflow has wrapped `predict` in a check when the class was made, whose refusal repeats all that was sent: this looks
    before it does.
    """
    checked = kind.predict

    @functools.wraps(checked)
    def predict(self: Any, model_input: list[str]) -> Any:
        try:
            lines_of(model_input)
            return checked(self, model_input)
        except InkError as error:
            code = BAD_REQUEST if isinstance(error, Refused) else INTERNAL_ERROR
            raise OneLine(str(error), error_code=code) from None

    kind.predict = predict
    return kind


@in_one_line
class ServedSystem(PythonModel):
    """A trained system that answers a list of texts by the list of their translations."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the system from the model's files."""
        self.translator = load_system_folder(Path(context.artifacts["system"]), warn)
        self.lock = Lock()  # requests come in several threads

    def predict(self, model_input: list[str]) -> list[str]:
        """Translate each text, as `ink.serving.answers` does."""
        with self.lock:
            return answers(self.translator, model_input)


set_model(ServedSystem())
