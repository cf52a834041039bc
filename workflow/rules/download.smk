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
