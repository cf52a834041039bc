# What is chosen or trained on dev on top of a datastore.
rule tune_v_knn:
    input:
        unpack(model_files),
        datastore=lambda wildcards: LAYOUT.datastore(wildcards.domain, config["v_knn"]["key"]),
    output:
        LAYOUT.combiner("v_knn", "{domain}"),
    log:
        f"{RESULTS}/logs/tune_v_knn/{{domain}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/tune_v_knn/{{domain}}.tsv"
    threads: THREADS["decoding"]
    resources:
        gpu=gpus("tune-v-knn"),
    params:
        settings=settings("tune-v-knn"),
        files=lambda wildcards, input: options(**input),
        config=CONFIG,
    shell:
        "ink --log {log:q} --threads {threads} tune-v-knn --config {params.config:q} --domain {wildcards.domain}"
        " {params.files} --output {output:q}"


if REDUCED_V_KNN:

    use rule tune_v_knn as tune_reduced_v_knn with:
        input:
            unpack(model_files),
            datastore=lambda wildcards: LAYOUT.searched_datastore(wildcards.system, wildcards.domain, FIRST_SEED),
        output:
            LAYOUT.combiner("{system}", "{domain}"),
        log:
            f"{RESULTS}/logs/tune_reduced_v_knn/{{system}}/{{domain}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/tune_reduced_v_knn/{{system}}/{{domain}}.tsv"
        wildcard_constraints:
            system=either(REDUCED_V_KNN),
        params:
            settings=settings("tune-v-knn"),
            files=lambda wildcards, input: options(system=wildcards.system, **input),
            config=CONFIG,


rule train_combiner:
    input:
        unpack(model_files),
        unpack(queried_files),
    output:
        combiner=LAYOUT.combiner("{system}", "{domain}", "{seed}"),
        record=f"{WORK}/combiners/{{system}}/{{domain}}/seed{{seed}}/record.json",
    log:
        f"{RESULTS}/logs/train_combiner/{{system}}/{{domain}}/seed{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train_combiner/{{system}}/{{domain}}/seed{{seed}}.tsv"
    threads: THREADS["training"]
    resources:
        gpu=gpus("train-combiner"),
    params:
        settings=settings("train-combiner"),
        files=lambda wildcards, input: options(**input),
        folder=subpath(output.combiner, parent=True),
        config=CONFIG,
    shell:
        "ink --log {log:q} --threads {threads} train-combiner --config {params.config:q} --system {wildcards.system}"
        " --domain {wildcards.domain} --seed {wildcards.seed} {params.files} --output {params.folder:q}"
