"""The command that makes an MLflow model of a trained system, to be served over HTTP."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import click

from ink.cli import completion
from ink.cli.threads import use_machine
from ink.cli.translation import experiment, layout_of


@click.command("log-model")
@experiment
@click.option("--system", shell_complete=completion.systems, help="A system that is trained, such as ink.")
@click.option("--domain", shell_complete=completion.domains, help="The domain it was trained for.")
@click.option("--seed", type=int, help="Seed of the trained system (default: the config's first).")
@click.option("--name", help="Name of the registered model (default: EXPERIMENT-SYSTEM-DOMAIN).")
@click.option("--tracking-uri", help="Register there (default: mlflow.tracking_uri of the config).")
@click.option("--example", multiple=True, help="A text that the model keeps as its example (default: two test lines).")
@click.option("--device", help="The torch device that the model will run on (default: the config's).")
@click.option("--json", "as_json", is_flag=True, help="Say what was registered as JSON: name, version, uri, store.")
def log_model(
    config: Path | None,
    demo: str | None,
    system: str | None,
    domain: str | None,
    seed: int | None,
    name: str | None,
    tracking_uri: str | None,
    example: tuple[str, ...],
    device: str | None,
    as_json: bool,
) -> None:
    """Register a trained system as an MLflow model, which `mlflow models serve` answers with over HTTP.

    The model holds copies of base model, vocabulary, adapter or datastore and combiner, of ink's code, and of two lines
    as an example. Its card says what it was trained on, its scores, and the licences of its parts. Nothing in it is
    pickled but the base model's own checkpoint, which is read as plain weights.
    """
    from ink.config.paths import expand_database
    from ink.runtime.project import project_path
    from ink.serving.registering import Registration
    from ink.serving.registering import log_model as register
    from ink.systems.layout import Run
    from ink.tools.published_models import DEMO, TRANSLATING

    named = {"--system": system, "--domain": domain, "--seed": seed}
    missing = [option for option in ("--system", "--domain") if named[option] is None]
    if demo is None and missing:
        raise click.UsageError(f"Missing option '{missing[0]}'")
    layout, system, domain = layout_of(config, demo, named, TRANSLATING)
    use_machine()
    run = Run(str(system), str(domain), layout.config["seeds"][0] if seed is None else seed)
    results = Path(layout.results) if demo is None else project_path(DEMO)
    store = None if tracking_uri is None else expand_database(tracking_uri)
    model = register(layout, run, results, Registration(name, store, example, device))
    if as_json:
        found = {"name": model.name, "version": model.version, "uri": model.uri, "store": model.store}
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    click.echo(f"{model.name}: version {model.version} in {model.store}")
    served = f"mlflow models serve --env-manager local --port 5001 --model-uri {shlex.quote(model.uri)}"
    click.echo(f"serve it with: MLFLOW_TRACKING_URI={shlex.quote(model.store)} {served}")
