# What all stages share: the checked config, folders, and who needs what.
import json
import os
import re
import shlex
import subprocess
import sys
from contextlib import suppress
from types import SimpleNamespace

import yaml
from snakemake.exceptions import WorkflowError

from ink.cli.workflow import LOCK, WORKFLOW
from ink.config import (
    ablated_domains,
    accuracy_domains,
    accuracy_systems,
    adapted_domains,
    check,
    controlled_domains,
    expand_home,
    curve_systems,
    figures_of,
    first_rounds,
    for_domain,
    given_base_model,
    gaining_systems,
    has_leaderboard,
    has_training,
    last_round,
    metrics_of,
    mixed_domains,
    read,
    read_overrides,
    resolve,
    searched_points,
    separate_metrics,
    sizes_of,
    speed_systems,
    text_files,
    variations,
)
from ink.config.domains import huggingface_folder
from ink.config.hub_model import HubModel
from ink.config.sections.reductions import origins
from ink.corpus.vocabulary import check_vocabulary_size
from ink.tools.download.provided_files import binarised_paths, provided_files
from ink.runtime.errors import InkError
from ink.runtime.experiment_lock import experiment_lock_path, hold
from ink.runtime.whole_files import write_atomically
from ink.systems.layout import Layout, paper_folder
from ink.metrics.bleu_tokeniser import PLAIN, bleu_with
from ink.metrics.known_metrics import METRICS, compared_metrics, find_metric
from ink.runtime.processes import own_name
from ink.results import contents
from ink.results.records.job_times import renders
from ink.config.slices.commands import READS, settings_for
from ink.systems.known_systems import OFF_THE_SHELF, REDUCTIONS, system_named, unreduced
from ink.systems.systems_of_experiment import reduced_systems, seeds_of, systems_of
from ink.tracking.provenance import record_environment
from ink.tracking.following import FINISHED
from ink.tracking.provenance import record_workflow
from ink.systems.variations import variation_named

# nested values given by --config arrive as text
read_overrides(config, workflow.config_settings.config)
try:
    # Snakemake's own reader keeps the last of two values of a key, and follows aliases without end
    for path in dict.fromkeys([*workflow.configfiles, *workflow.overwrite_configfiles]):
        read(path)
    whole = resolve(config)
    expand_home(whole)
    check(whole)
except InkError as error:
    raise WorkflowError(error.with_code())
config.clear()
config.update(whole)

LAYOUT = Layout(config)
WORK, RESULTS = LAYOUT.work, LAYOUT.results
CONFIG = f"{RESULTS}/config.yaml"
# results/paper, or that of the repository where the workflow runs in another folder
PAPER = str(paper_folder(RESULTS)).removeprefix(f"{os.getcwd()}/")
SOURCE = config["data"]["source_language"]
TARGET = config["data"]["target_language"]
GENERAL = config["data"]["general_domain"]
DOMAINS = config["domains"]
THREADS = config["threads"]
FIRST_SEED = config["seeds"][0]
ACCURACY_DOMAINS = accuracy_domains(config)
COMPARED = [system for system in accuracy_systems(config) if system_named(system).has_adapter]
SPEED_SYSTEMS = speed_systems(config)
ABLATIONS = ablated_domains(config)
CONTROLS = controlled_domains(config)
FIGURES = figures_of(config)
PROVIDED = provided_files(config)
SEPARATE_METRICS = separate_metrics(config)
# of these the ones that the tables of variations are in
COMPARED_METRICS = [
    metric.name for metric in compared_metrics(metrics_of(config), config) if metric.name in SEPARATE_METRICS
]
# by category: the leaderboard is a table and a figure
TITLES = {
    "Tables": {piece.name: piece.title for piece in contents.tables(config)},
    "Figures": {piece.name: piece.title for piece in contents.figures(config)},
    "Report": {"report": "Results"},
}
# the process that uploads to MLflow what jobs say, and how long it is waited for in the end
FOLLOWERS = []
SECONDS_TO_UPLOAD = 60


def either(names):
    """A wildcard's constraint: one of these names."""
    return "|".join(map(re.escape, names))


VARIATIONS = variations(config)
ADAPTERS, INKS = (
    either([system, *(name for name in VARIATIONS if variation_named(name).of == system)])
    for system in ("adapter", "ink")
)
SHARDS = {domain: for_domain(config["datastore"], domain, DOMAINS)["shards"] for domain in adapted_domains(config)}
SHARDED = [domain for domain, count in SHARDS.items() if count > 1]
SEARCHED = [domain for domain in adapted_domains(config) if searched_points(config, domain)]
FIRST_ROUNDS = first_rounds(config)
REDUCED = reduced_systems(config)
REDUCED_V_KNN = [system for system in REDUCED if unreduced(system) == "v_knn"]


wildcard_constraints:
    domain="[^/]+",
    system=either([*systems_of(config), *VARIATIONS]),
    seed=r"\d+",
    round=either(map(str, FIRST_ROUNDS)),
    shard=r"\d+",
    shards=r"\d+",
    key="decoder_output|ffn_input",
    metric=r"\w+",


def take_experiment():
    """Refuse to run beside another workflow of this experiment, and let jobs end with this one."""
    try:
        hold(config["experiment"])
    except InkError as error:
        raise WorkflowError(error.with_code())
    os.environ[WORKFLOW] = own_name()
    os.environ[LOCK] = os.path.abspath(experiment_lock_path(config["experiment"]))


def check_gpus():
    """Refuse to run jobs side by side on one GPU: on one machine nothing says which job has which."""
    devices = {"device": config["device"], "index.device": config["index"]["device"]}
    for name, device in devices.items():
        if device != "cpu" and workflow.local_exec and "gpu" not in workflow.global_resources:
            unbounded = InkError(
                f"{name} is {device}, and nothing limits how many jobs use it at a time; add gpu=1 to --resources",
                code="device/no-limit",
            )
            raise WorkflowError(unbounded.with_code())


def check_tokeniser():
    """Refuse to compute for hours what cannot be scored here: BLEU's tokeniser may need more than sacrebleu."""
    tokeniser = config["evaluation"]["sacrebleu_tokeniser"]
    if tokeniser not in PLAIN:
        try:
            bleu_with(tokeniser)
        except InkError as error:
            raise WorkflowError(error.with_code())


def check_vocabulary():
    """Refuse to begin what a vocabulary that is there is too small for."""
    try:
        check_vocabulary_size(config)
    except InkError as error:
        raise WorkflowError(error.with_code())


def write_resolved_config():
    """Write the config as it stands after overrides: the file that every command of this run reads."""
    with write_atomically(CONFIG) as temporary:
        plain = json.loads(json.dumps(config))
        temporary.write_text(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True), encoding="utf-8")


def start_tracking():
    """Write down who runs the jobs and with what, and let MLflow follow them; whatever comes of that, they run."""
    record_workflow(RESULTS, sys.argv, workflow.configfiles)
    # who renders what others have measured is not who measured it
    if not all(renders(job.rule.name) for job in workflow.dag.needrun_jobs()):
        record_environment(RESULTS, sys.argv, workflow.configfiles)
    subprocess.run(["ink", "start-tracking", CONFIG], stdin=subprocess.DEVNULL, check=False)
    # it outlives this workflow, to upload what is left: no job that ends with it, and not ended by Ctrl-C
    environment = {name: value for name, value in os.environ.items() if name != WORKFLOW}
    follow = ["ink", "follow-runs", CONFIG, "--workflow", own_name()]
    FOLLOWERS.append(
        subprocess.Popen(
            follow, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=environment, start_new_session=True
        )
    )


def finish_tracking():
    """Let what follows the jobs upload the rest; where that takes long, it goes on when this workflow is gone."""
    for follower in FOLLOWERS:
        with suppress(OSError, subprocess.TimeoutExpired):
            follower.communicate(FINISHED, timeout=SECONDS_TO_UPLOAD)


def log_report():
    """Let MLflow have what was rendered; whatever comes of that, the workflow has succeeded."""
    command = ["ink", "log-report", CONFIG]
    subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False)


def settings(command):
    """Params of a rule: what its command reads of the config, so that a change there, and only there, reruns it."""

    def resolved(wildcards):
        named = {name: getattr(wildcards, name, None) for name in ("domain", "system", "metric", "reduction")}
        return settings_for(config, READS[command], **named).that_matter()

    return resolved


def gpus(command, processes=1, metric=None):
    """How many GPUs a job of this command takes: one a process where it computes, or searches an index, on one."""
    reads = READS[command].model_fields
    runs_model = "device" in (reads if metric is None else METRICS[metric])
    computes = runs_model and config["device"] != "cpu"
    return processes * int(computes or ("index" in reads and config["index"]["device"] != "cpu"))


def text_of(domain):
    """A domain's raw text and the same binarised, by the names of the commands' options."""
    return {"corpus": LAYOUT.corpus(domain), "data": LAYOUT.data(domain)}


def vocabulary_files(config):
    """What a given model's vocabulary is taken from: its codes and dictionaries, or its folder."""
    given = config["base_model"]
    named = [given[name] for name in ("bpe_codes", "source_dictionary", "target_dictionary")]
    return named if (folder := huggingface_folder(given)) is None else [folder]


def model_files(wildcards):
    """What every job with a model of a domain reads."""
    return {"base_model": LAYOUT.base_model, "vocabulary": LAYOUT.vocabulary, **text_of(wildcards.domain)}


def options(**files):
    """Spell input files as the command's options: base_model=... becomes --base-model ..., fit for a shell."""
    return shlex.join(word for name, path in files.items() for word in (f"--{name.replace('_', '-')}", path))


def repeated(option, paths):
    """Spell an option that is given once for every path, fit for a shell."""
    return shlex.join(word for path in paths for word in (option, path))


def rounds_folder(wildcards, first):
    return LAYOUT.rounds(wildcards.system, wildcards.domain, wildcards.seed, first)


def previous_rounds(wildcards):
    before = [first for first in FIRST_ROUNDS if first < int(wildcards.round)]
    return {"previous": rounds_folder(wildcards, before[-1])} if before else {}


def awaited_by_round(wildcards):
    """What a job of rounds waits for: the one before it has waited for the model and the text.

    Snakemake hashes the files that a job waits for, and a large checkpoint takes longer than a round that has stopped.
    """
    return previous_rounds(wildcards) or model_files(wildcards)


def shards_of(wildcards, datastore):
    """The shards that are joined to a datastore."""
    count = SHARDS[wildcards.domain]
    return [LAYOUT.shard(datastore, number, count) for number in range(1, count + 1)]


def datastore_call(wildcards, input):
    """What a datastore's job calls, with its files."""
    if hasattr(input, "shards"):
        return f"join-datastore {repeated('--shard', input.shards)}"
    key = getattr(wildcards, "key", "decoder_output")  # of an adapted model's: what its output layer sees
    if hasattr(wildcards, "shard"):
        return f"build-datastore-shard --key {key} --shard {wildcards.shard} {options(**input)}"
    return f"build-datastore --key {key} {options(**input)}"


def reduced_files(wildcards):
    """What a reduced datastore is made of; of a control also that whose number of entries it has."""
    others = {
        name: LAYOUT.reduced_datastore(other, wildcards.domain, wildcards.key)
        for name, other in origins(config[REDUCTIONS][wildcards.reduction]).items()
    }
    datastore = others.pop("of", LAYOUT.datastore(wildcards.domain, wildcards.key))
    return {"base_model": LAYOUT.base_model, "vocabulary": LAYOUT.vocabulary, "datastore": datastore, **others}


def system_files(wildcards):
    """What a system adds to the base model, or has in its place."""
    return LAYOUT.system_files(wildcards.system, wildcards.domain, wildcards.seed)


def queried_files(wildcards):
    """What a combiner is trained with: of its system's files those that it does not make."""
    return {name: path for name, path in system_files(wildcards).items() if name != "combiner"}


def general_test(wildcards):
    """The general domain's test set, to see what an adapted system forgot; the unadapted one is scored on it once."""
    if GENERAL is None or not system_named(wildcards.system).is_adapted:
        return {}
    return {f"general_{name}": path for name, path in text_of(GENERAL).items()}


def timed_files(wildcards):
    """What the systems of Table 5 read, of the first seed; the command finds it where the workflow keeps it."""
    found = [*model_files(wildcards).values()]
    for system in SPEED_SYSTEMS:
        run = SimpleNamespace(system=system, domain=wildcards.domain, seed=FIRST_SEED)
        found += system_files(run).values()
    return list(dict.fromkeys(found))


def metric_files(wildcards):
    """The files that a metric's model is read from; of a folder that is downloaded file by file, these files."""
    downloaded = [path for paths in PROVIDED.values() for path in paths]
    named = find_metric(wildcards.metric).files(config)
    return {
        name: [file for file in downloaded if os.path.dirname(file) == path] or path for name, path in named.items()
    }


def table_files(name):
    return multiext(f"{RESULTS}/tables/{name}", ".csv", ".md", ".tex", ".html")


def table(name):
    """The output of the rule that renders a table."""
    *others, html = table_files(name)
    return [*others, shown(html, name, "Tables")]


def figure(name):
    """The output of the rule that draws a figure."""
    svg, *others = figure_files(name)
    return [shown(svg, name, "Figures"), *others]


def figure_files(name):
    return multiext(f"{RESULTS}/figures/{name}", ".svg", ".png", ".csv", ".md")


def all_tables():
    names = ["table1", "table2", "gains", "memory", *(["general"] if GENERAL is not None else [])]
    optional = {"table3": ACCURACY_DOMAINS, "table4": ABLATIONS, "table5": SPEED_SYSTEMS, "controls": CONTROLS}
    optional["leaderboard"] = has_leaderboard(config)
    names += [name for name, wanted in optional.items() if wanted]
    return [path for name in names for path in table_files(name)]


def all_figures():
    names = [*FIGURES, *(["leaderboard"] if has_leaderboard(config) else [])]
    return [path for name in names for path in figure_files(name)]
