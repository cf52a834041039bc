# Datastores of the base model, one a domain and kind of key, and of it with an adapter, one a system, domain and seed.
# Where datastore.shards is more than one: a job a shard, and one that joins them.
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
        call=datastore_call,
        config=CONFIG,
    shell:
        "ink --log {log:q} --threads {threads} {params.call} --config {params.config:q} --domain {wildcards.domain}"
        " --output {output:q}"


use rule build_datastore as build_adapted_datastore with:
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
    priority: 0


if SHARDED:

    ruleorder: join_datastore > build_datastore
    ruleorder: join_adapted_datastore > build_adapted_datastore

    use rule build_datastore as build_datastore_shard with:
        output:
            temp(directory(LAYOUT.shard(LAYOUT.datastore("{domain}", "{key}"), "{shard}", "{shards}"))),
        log:
            f"{RESULTS}/logs/build_datastore_shard/{{key}}/{{domain}}/{{shard}}of{{shards}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/build_datastore_shard/{{key}}/{{domain}}/{{shard}}of{{shards}}.tsv"
        resources:
            gpu=gpus("build-datastore-shard"),
        params:
            settings=settings("build-datastore-shard"),
            call=datastore_call,
            config=CONFIG,

    use rule build_adapted_datastore as build_adapted_datastore_shard with:
        output:
            temp(
                directory(
                    LAYOUT.shard(LAYOUT.adapted_datastore("{system}", "{domain}", "{seed}"), "{shard}", "{shards}")
                )
            ),
        log:
            f"{RESULTS}/logs/build_adapted_datastore_shard/{{system}}/{{domain}}/seed{{seed}}/{{shard}}of{{shards}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/build_adapted_datastore_shard/{{system}}/{{domain}}/seed{{seed}}/{{shard}}of{{shards}}.tsv"
        resources:
            gpu=gpus("build-datastore-shard"),
        params:
            settings=settings("build-datastore-shard"),
            call=datastore_call,
            config=CONFIG,

    use rule build_datastore as join_datastore with:
        input:
            shards=lambda wildcards: shards_of(wildcards, LAYOUT.datastore(wildcards.domain, wildcards.key)),
        log:
            f"{RESULTS}/logs/join_datastore/{{key}}/{{domain}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/join_datastore/{{key}}/{{domain}}.tsv"
        wildcard_constraints:
            domain=either(SHARDED),
        resources:
            gpu=gpus("join-datastore"),
        params:
            settings=settings("join-datastore"),
            call=datastore_call,
            config=CONFIG,

    use rule join_datastore as join_adapted_datastore with:
        input:
            shards=lambda wildcards: shards_of(
                wildcards, LAYOUT.adapted_datastore(wildcards.system, wildcards.domain, wildcards.seed)
            ),
        output:
            directory(LAYOUT.adapted_datastore("{system}", "{domain}", "{seed}")),
        log:
            f"{RESULTS}/logs/join_adapted_datastore/{{system}}/{{domain}}/seed{{seed}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/join_adapted_datastore/{{system}}/{{domain}}/seed{{seed}}.tsv"
        wildcard_constraints:
            system="adapter|ink",
            domain=either(SHARDED),
        priority: 0


rule store_source_tokens:
    input:
        base_model=LAYOUT.base_model,
        vocabulary=LAYOUT.vocabulary,
        data=LAYOUT.data("{domain}"),
    output:
        directory(LAYOUT.source_tokens("{domain}")),
    log:
        f"{RESULTS}/logs/store_source_tokens/{{domain}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/store_source_tokens/{{domain}}.tsv"
    threads: THREADS["datastore"]
    resources:
        gpu=gpus("store-source-tokens"),
    params:
        settings=settings("store-source-tokens"),
        files=lambda wildcards, input: options(**input),
        config=CONFIG,
    shell:
        "ink --log {log:q} --threads {threads} store-source-tokens --config {params.config:q}"
        " --domain {wildcards.domain} {params.files} --output {output:q}"


if config[REDUCTIONS]:

    rule reduce_datastore:
        input:
            unpack(reduced_files),
        output:
            directory(LAYOUT.reduced_datastore("{reduction}", "{domain}", "{key}")),
        log:
            f"{RESULTS}/logs/reduce_datastore/{{reduction}}/{{key}}/{{domain}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/reduce_datastore/{{reduction}}/{{key}}/{{domain}}.tsv"
        wildcard_constraints:
            reduction=either(config[REDUCTIONS]),
        threads: THREADS["datastore"]
        resources:
            gpu=gpus("reduce-datastore"),
        params:
            settings=settings("reduce-datastore"),
            files=lambda wildcards, input: options(**input),
            config=CONFIG,
        shell:
            "ink --log {log:q} --threads {threads} reduce-datastore --config {params.config:q}"
            " --domain {wildcards.domain} --reduction {wildcards.reduction} {params.files} --output {output:q}"
