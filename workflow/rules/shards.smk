# Datastores built in shards, where datastore.shards is more than one: a job a shard, and one that joins them.
if SHARDED:

    ruleorder: join_datastore > build_datastore
    ruleorder: join_adapted_datastore > build_adapted_datastore

    rule build_datastore_shard:
        input:
            base_model=LAYOUT.base_model,
            vocabulary=LAYOUT.vocabulary,
            data=LAYOUT.data("{domain}"),
        output:
            temp(directory(LAYOUT.shard(LAYOUT.datastore("{domain}", "{key}"), "{shard}", "{shards}"))),
        log:
            f"{RESULTS}/logs/build_datastore_shard/{{key}}/{{domain}}/{{shard}}of{{shards}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/build_datastore_shard/{{key}}/{{domain}}/{{shard}}of{{shards}}.tsv"
        priority: 10  # INK's rounds, the longest chain, wait for it
        threads: THREADS["datastore"]
        resources:
            gpu=gpus("build-datastore-shard"),
        params:
            settings=settings("build-datastore-shard"),
            files=lambda wildcards, input: options(**input),
            config=CONFIG,
        shell:
            "ink --log {log:q} --threads {threads} build-datastore-shard --config {params.config:q}"
            " --domain {wildcards.domain} --key {wildcards.key} --shard {wildcards.shard} {params.files}"
            " --output {output:q}"

    rule join_datastore:
        input:
            shards=lambda wildcards: shards_of(wildcards, LAYOUT.datastore(wildcards.domain, wildcards.key)),
        output:
            directory(LAYOUT.datastore("{domain}", "{key}")),
        log:
            f"{RESULTS}/logs/join_datastore/{{key}}/{{domain}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/join_datastore/{{key}}/{{domain}}.tsv"
        wildcard_constraints:
            domain=either(SHARDED),
        priority: 10
        threads: THREADS["datastore"]
        resources:
            gpu=gpus("join-datastore"),
        params:
            settings=settings("join-datastore"),
            shards=lambda wildcards, input: repeated("--shard", input.shards),
            config=CONFIG,
        shell:
            "ink --log {log:q} --threads {threads} join-datastore --config {params.config:q}"
            " --domain {wildcards.domain} {params.shards} --output {output:q}"

    rule build_adapted_datastore_shard:
        input:
            base_model=LAYOUT.base_model,
            vocabulary=LAYOUT.vocabulary,
            data=LAYOUT.data("{domain}"),
            adapter=LAYOUT.adapter("{system}", "{domain}", "{seed}"),
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
        wildcard_constraints:
            system="adapter|ink",
        threads: THREADS["datastore"]
        resources:
            gpu=gpus("build-datastore-shard"),
        params:
            settings=settings("build-datastore-shard"),
            files=lambda wildcards, input: options(**input),
            config=CONFIG,
        shell:
            "ink --log {log:q} --threads {threads} build-datastore-shard --config {params.config:q}"
            " --domain {wildcards.domain} --key decoder_output --shard {wildcards.shard} {params.files}"
            " --output {output:q}"

    rule join_adapted_datastore:
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
        threads: THREADS["datastore"]
        resources:
            gpu=gpus("join-datastore"),
        params:
            settings=settings("join-datastore"),
            shards=lambda wildcards, input: repeated("--shard", input.shards),
            config=CONFIG,
        shell:
            "ink --log {log:q} --threads {threads} join-datastore --config {params.config:q}"
            " --domain {wildcards.domain} {params.shards} --output {output:q}"
