# The off-the-shelf model, where the config names none.
if config["base_model"]["path"] is None:

    rule train_base:
        input:
            vocabulary=f"{WORK}/vocabulary",
            **text_of(GENERAL),
        output:
            model=BASE_MODEL,
            record=f"{WORK}/base_model/record.json",
        params:
            settings=settings("train-base"),
            files=lambda wildcards, input: options(**input),
            folder=f"{WORK}/base_model",
            config=CONFIG,
            seed=FIRST_SEED,
        log:
            f"{RESULTS}/logs/train_base.log",
        benchmark:
            f"{RESULTS}/benchmarks/train_base.tsv"
        threads: THREADS["base_model"]
        resources:
            mem_mb=4000,
        shell:
            "ink --log {log} --threads {threads} train-base --config {params.config} --seed {params.seed}"
            " {params.files} --output {params.folder}"
