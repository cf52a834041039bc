"""The whole examination, in the order in which a person would put things right."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ink.config import Config, check, load
from ink.runtime.errors import InkError
from ink.runtime.experiment_lock import holder
from ink.runtime.given_text import marks_inside
from ink.runtime.whole_files import read_lines
from ink.tools.costs.workload import workload_of
from ink.tools.doctor import environment, gpu, machine
from ink.tools.doctor.downloads import examine_downloads
from ink.tools.doctor.duration import duration
from ink.tools.doctor.finding import ERROR, Finding, error, ok, warning
from ink.tools.doctor.inputs import examine_inputs, examine_languages, sizes
from ink.tools.doctor.model_on_hub import examine_hub_model
from ink.tools.doctor.space import space, writable


def examine(path: Path, *, offline: bool = False) -> Iterator[Finding]:
    """Examine machine and experiment; a config that is not in order leaves the machine alone to look at.

    Nothing is written, and nothing heavier than torch is imported. `offline`: no address is asked for what is to be
    downloaded.
    """
    config: Config | None = None
    try:
        config = load(path)
        check(config)
        yield ok("config", f"{path}: experiment {config['experiment']}, in order")
        if mark := marks_inside(path, read_lines(path)):
            yield warning("config", mark)
    except InkError as problem:
        config = None
        first, *more = str(problem).removeprefix("configuration: ").splitlines()
        yield from (error("config", line.strip(), problem.code) for line in (more or [first]))
    yield environment.python()
    yield from environment.packages("cpu" if config is None else config["index"]["device"])
    yield environment.compiler()
    yield from environment.commands()
    if config is not None:
        yield from _experiment(config, offline)


def _experiment(config: Config, offline: bool) -> Iterator[Finding]:
    devices = list(gpu.devices(config))
    yield from devices
    yield from gpu.index_device(config)
    yield machine.threads(config)
    yield from examine_languages(config)
    inputs, counts = examine_inputs(config)
    yield from inputs
    downloads, to_come = examine_downloads(config, offline=offline)
    yield from downloads
    on_hub, model_to_come = examine_hub_model(config, offline=offline)
    yield from on_hub
    complete = all(finding.status != ERROR for finding in inputs)
    if complete:
        workload = workload_of(config, counts)
        yield from sizes(workload)
        yield from machine.memory(workload)
        yield from gpu.memory(workload)
        yield space(workload, to_come + model_to_come)
    yield from writable(config)
    running = holder(config["experiment"])
    if running is None:
        yield ok("workflow", f"none is running experiment {config['experiment']} here")
    else:
        yield warning(
            "workflow", f"process {running['pid']} is running it since {running['started']}; wait for it or stop it"
        )
    if not complete:
        yield warning("estimates", "memory, disk and time are not estimated until the files above are in order")
    elif any(finding.status == ERROR for finding in devices):
        yield warning("time", "not estimated without the device")
    else:
        yield duration(workload)
