# What comes from elsewhere: of each artefact the files that the config uses. downloads/ is shared by all experiments.
for artefact, files in PROVIDED.items():

    rule:
        name:
            f"download_{artefact}"
        output:
            files,
        log:
            f"{RESULTS}/logs/download/{artefact}.log",
        benchmark:
            f"{RESULTS}/benchmarks/download/{artefact}.tsv"
        localrule: True  # where the network is, and one process a file
        params:
            artefact=artefact,
        # the config is no param: which experiment asks is no reason to fetch again
        shell:
            "ink --log {log:q} download {CONFIG:q} {params.artefact}"


# The base model that the config names on the Hugging Face hub; no other job looks there.
if HubModel.of(config["base_model"]) is not None:

    rule download_base_model:
        output:
            directory(LAYOUT.base_model),
        log:
            f"{RESULTS}/logs/download/base_model.log",
        benchmark:
            f"{RESULTS}/benchmarks/download/base_model.tsv"
        localrule: True
        # the folder has name and revision
        shell:
            "ink --log {log:q} download {CONFIG:q} base_model"
