# The off-the-shelf model, where the config names none.
if given_base_model(config) is None:

    rule train_base:
        input:
            **text_of(GENERAL),
            vocabulary=LAYOUT.vocabulary,
        output:
            model=LAYOUT.base_model,
            record=f"{WORK}/base_model/record.json",
        log:
            f"{RESULTS}/logs/train_base.log",
        benchmark:
            f"{RESULTS}/benchmarks/train_base.tsv"
        threads: THREADS["base_model"] * config["base_model"]["train"]["processes"]
        resources:
            gpu=gpus("train-base", config["base_model"]["train"]["processes"]),
        params:
            settings=settings("train-base"),
            files=lambda wildcards, input: options(**input),
            folder=subpath(output.model, parent=True),
            config=CONFIG,
            seed=FIRST_SEED,
        shell:
            "ink --log {log:q} --threads {threads} train-base --config {params.config:q} --seed {params.seed}"
            " {params.files} --output {params.folder:q}"
