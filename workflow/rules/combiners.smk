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
        mem_mb=4000,
    params:
        settings=settings("tune-v-knn"),
        files=lambda wildcards, input: options(**input),
        config=CONFIG,
    shell:
        "ink --log {log} --threads {threads} tune-v-knn --config {params.config} --domain {wildcards.domain}"
        " {params.files} --output {output}"
