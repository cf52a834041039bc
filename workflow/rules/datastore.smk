# Datastores of the base model, one a domain and kind of key, and of it with an adapter, one a system, domain and seed.
rule build_datastore:
    input:
        base_model=LAYOUT.base_model,
        vocabulary=LAYOUT.vocabulary,
        data=LAYOUT.data("{domain}"),
    output:
        directory(LAYOUT.datastore("{domain}", "{key}")),
    log:
        f"{RESULTS}/logs/build_datastore/{{key}}/{{domain}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/build_datastore/{{key}}/{{domain}}.tsv"
    priority: 10  # INK's rounds, the longest chain, wait for it
    threads: THREADS["datastore"]
    resources:
        gpu=gpus("build-datastore"),
    params:
        settings=settings("build-datastore"),
        files=lambda wildcards, input: options(**input),
        config=CONFIG,
    shell:
        "ink --log {log:q} --threads {threads} build-datastore --config {params.config:q} --domain {wildcards.domain}"
        " --key {wildcards.key} {params.files} --output {output:q}"


rule build_adapted_datastore:
    input:
        base_model=LAYOUT.base_model,
        vocabulary=LAYOUT.vocabulary,
        data=LAYOUT.data("{domain}"),
        adapter=LAYOUT.adapter("{system}", "{domain}", "{seed}"),
    output:
        directory(LAYOUT.adapted_datastore("{system}", "{domain}", "{seed}")),
    log:
        f"{RESULTS}/logs/build_adapted_datastore/{{system}}/{{domain}}/seed{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/build_adapted_datastore/{{system}}/{{domain}}/seed{{seed}}.tsv"
    wildcard_constraints:
        system="adapter|ink",
    threads: THREADS["datastore"]
    resources:
        gpu=gpus("build-datastore"),
    params:
        settings=settings("build-datastore"),
        files=lambda wildcards, input: options(**input),
        config=CONFIG,
    shell:
        "ink --log {log:q} --threads {threads} build-datastore --config {params.config:q} --domain {wildcards.domain}"
        " --key decoder_output {params.files} --output {output:q}"
