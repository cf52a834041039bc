# What is measured besides scores: neighbours of dev positions before and after INK, and decoding speed.
rule knn_accuracy:
    input:
        base_model=LAYOUT.base_model,
        vocabulary=LAYOUT.vocabulary,
        data=LAYOUT.data("{domain}"),
        datastore=LAYOUT.datastore("{domain}", "decoder_output"),
        adapter=LAYOUT.adapter("ink", "{domain}", "{seed}"),
        adapted_datastore=LAYOUT.adapted_datastore("ink", "{domain}", "{seed}"),
    output:
        f"{RESULTS}/knn_accuracy/{{domain}}/seed{{seed}}.json",
    log:
        f"{RESULTS}/logs/knn_accuracy/{{domain}}/seed{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/knn_accuracy/{{domain}}/seed{{seed}}.tsv"
    threads: THREADS["datastore"]
    resources:
        gpu=gpus("knn-accuracy"),
    params:
        settings=settings("knn-accuracy"),
        files=lambda wildcards, input: options(**input),
        config=CONFIG,
    shell:
        "ink --log {log} --threads {threads} knn-accuracy --config {params.config} --domain {wildcards.domain}"
        " --seed {wildcards.seed} {params.files} --output {output}"


rule measure_speed:
    input:
        timed_files,
    output:
        f"{RESULTS}/speed/{{domain}}.json",
    log:
        f"{RESULTS}/logs/measure_speed/{{domain}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/measure_speed/{{domain}}.tsv"
    # all of this machine's, so that nothing runs beside it; on a cluster the profile says how many
    threads: workflow.resource_settings.cores or THREADS["decoding"]
    resources:
        gpu=gpus("measure-speed"),
    params:
        settings=settings("measure-speed"),
        systems=" ".join(f"--system {system}" for system in SPEED_SYSTEMS),
        seed=FIRST_SEED,
        config=CONFIG,
    shell:
        "ink --log {log} --threads {threads} measure-speed --config {params.config} --domain {wildcards.domain}"
        " --seed {params.seed} {params.systems} --output {output}"
