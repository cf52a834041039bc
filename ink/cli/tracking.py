"""Commands that bring runs into MLflow."""

from __future__ import annotations

from pathlib import Path

import click

from ink.cli.options import PATH


@click.command("start-tracking")
@click.argument("config", type=PATH)
def start_tracking(config: Path) -> None:
    """Before an experiment's jobs: close runs whose jobs were killed."""
    from ink.config import load
    from ink.tracking.syncing import close_dead_runs

    close_dead_runs(load(config))


@click.command("follow-runs")
@click.argument("config", type=PATH)
@click.option("--workflow", required=True, help="The workflow's process: HOST:PID:START:BOOT.")
def follow_runs(config: Path, workflow: str) -> None:
    """While an experiment's jobs run: upload what they say to MLflow; the workflow starts this and ends it."""
    from ink.config import load
    from ink.tracking.following import follow

    follow(load(config), config, workflow)


@click.command("log-report")
@click.argument("config", type=PATH)
def log_report(config: Path) -> None:
    """Upload an experiment's rendered tables, figures and report to MLflow, as files of its run there."""
    from ink.config import load
    from ink.tracking.syncing import log_report as upload_report

    uploaded = upload_report(load(config), config)
    if uploaded is not None:
        click.echo(f"{config}: {uploaded}")


@click.command("sync")
@click.argument("config", type=PATH)
@click.option("--tracking-uri", help="Upload there (default: mlflow.tracking_uri of the config).")
def sync(config: Path, tracking_uri: str | None) -> None:
    """Upload an experiment's runs and report to MLflow; what is there already is not uploaded twice."""
    from ink.config import load
    from ink.config.paths import expand_database
    from ink.tracking.syncing import sync as upload_all

    count, uri = upload_all(load(config), None if tracking_uri is None else expand_database(tracking_uri))
    click.echo(f"{config}: {count} {'run' if count == 1 else 'runs'} in {uri}")
