# The INK experiment: data, base model, datastores, systems, scores, tables, figures.
# `snakemake --cores all` runs config/config.yaml; `--configfile other.yaml` runs another, with nothing of this one.
import os

from snakemake.utils import min_version

min_version("9.0")


# Snakemake merges every config file it is given: the default is read only where no other is named. With --directory it
# is that folder's, if there is one.
DEFAULT = "config/config.yaml"
if not workflow.overwrite_configfiles:

    configfile: DEFAULT if os.path.exists(DEFAULT) else os.path.join(workflow.basedir, DEFAULT)


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/download.smk"
include: "workflow/rules/corpus.smk"
include: "workflow/rules/base_model.smk"
include: "workflow/rules/datastore.smk"
include: "workflow/rules/combiners.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/evaluation.smk"
include: "workflow/rules/scoring.smk"
include: "workflow/rules/measuring.smk"
include: "workflow/rules/report_inputs.smk"
include: "workflow/rules/reporting.smk"


onstart:
    check_gpus()
    check_tokeniser()
    check_vocabulary()
    take_experiment()
    write_resolved_config()
    start_tracking()


onsuccess:
    finish_tracking()
    log_report()


onerror:
    finish_tracking()


rule all:
    default_target: True
    input:
        all_tables(),
        all_figures(),
        f"{RESULTS}/report.html",
