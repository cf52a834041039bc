# What is measured besides scores: neighbours of dev positions before and after adapting, and decoding speed.
rule knn_accuracy:
    input:
        base_model=LAYOUT.base_model,
        vocabulary=LAYOUT.vocabulary,
        data=LAYOUT.data("{domain}"),
        datastore=LAYOUT.datastore("{domain}", "decoder_output"),
        adapters=[LAYOUT.adapter(system, "{domain}", "{seed}") for system in COMPARED],
        adapted_datastores=[LAYOUT.adapted_datastore(system, "{domain}", "{seed}") for system in COMPARED],
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
        files=lambda wildcards, input: options(
            base_model=input.base_model, vocabulary=input.vocabulary, data=input.data, datastore=input.datastore
        ),
        adapted=lambda wildcards, input: shlex.join(
            word
            for measured in zip(COMPARED, input.adapters, input.adapted_datastores)
            for word in ("--adapted", *measured)
        ),
        config=CONFIG,
    shell:
        "ink --log {log:q} --threads {threads} knn-accuracy --config {params.config:q} --domain {wildcards.domain}"
        " --seed {wildcards.seed} {params.files} {params.adapted} --output {output:q}"


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
        systems=repeated("--system", SPEED_SYSTEMS),
        seed=FIRST_SEED,
        config=CONFIG,
    shell:
        "ink --log {log:q} --threads {threads} measure-speed --config {params.config:q} --domain {wildcards.domain}"
        " --seed {params.seed} {params.systems} --output {output:q}"
