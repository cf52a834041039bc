# The workflow stands in workflow/; `snakemake --cores all` here runs config/config.yaml.
include: "workflow/Snakefile"


workflow.default_target = "all"
