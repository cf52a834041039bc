# Adapters: the Adapter baseline in one job, INK as a chain of jobs of one or several rounds, and variations of both. kNN-KD: a model of its own.
rule store_neighbours:
    input:
        datastore=LAYOUT.datastore("{domain}", "decoder_output"),
    output:
        directory(LAYOUT.neighbours("{domain}")),
    log:
        f"{RESULTS}/logs/store_neighbours/{{domain}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/store_neighbours/{{domain}}.tsv"
    threads: THREADS["datastore"]
    resources:
        gpu=gpus("store-neighbours"),
    params:
        settings=settings("store-neighbours"),
        files=lambda wildcards, input: options(**input),
        config=CONFIG,
    shell:
        "ink --log {log:q} --threads {threads} store-neighbours --config {params.config:q} --domain {wildcards.domain}"
        " {params.files} --output {output:q}"


rule train_knn_kd:
    input:
        unpack(model_files),
        datastore=LAYOUT.datastore("{domain}", "decoder_output"),
        neighbours=LAYOUT.neighbours("{domain}"),
    output:
        model=LAYOUT.model("knn_kd", "{domain}", "{seed}"),
        record=f"{WORK}/models/knn_kd/{{domain}}/seed{{seed}}/record.json",
    log:
        f"{RESULTS}/logs/train_knn_kd/{{domain}}/seed{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train_knn_kd/{{domain}}/seed{{seed}}.tsv"
    threads: THREADS["training"] * config["knn_kd"]["processes"]
    resources:
        gpu=gpus("train-knn-kd", config["knn_kd"]["processes"]),
    params:
        settings=settings("train-knn-kd"),
        files=lambda wildcards, input: options(**input),
        folder=subpath(output.model, parent=True),
        config=CONFIG,
    shell:
        "ink --log {log:q} --threads {threads} train-knn-kd --config {params.config:q} --domain {wildcards.domain}"
        " --seed {wildcards.seed} {params.files} --output {params.folder:q}"


rule train_adapter:
    input:
        unpack(model_files),
    output:
        adapter=LAYOUT.adapter("{system}", "{domain}", "{seed}"),
        card=LAYOUT.card("{system}", "{domain}", "{seed}"),
        record=f"{WORK}/adapters/{{system}}/{{domain}}/seed{{seed}}/record.json",
    log:
        f"{RESULTS}/logs/train_adapter/{{system}}/{{domain}}/seed{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train_adapter/{{system}}/{{domain}}/seed{{seed}}.tsv"
    wildcard_constraints:
        system=ADAPTERS,
    threads: THREADS["training"] * config["training"]["processes"]
    resources:
        gpu=gpus("train-adapter", config["training"]["processes"]),
    params:
        settings=settings("train-adapter"),
        files=lambda wildcards, input: options(**input),
        folder=subpath(output.adapter, parent=True),
        config=CONFIG,
    shell:
        "ink --log {log:q} --threads {threads} train-adapter --config {params.config:q} --system {wildcards.system}"
        " --domain {wildcards.domain} --seed {wildcards.seed} {params.files} --output {params.folder:q}"


rule train_ink_round:
    input:
        unpack(awaited_by_round),
        datastore=LAYOUT.datastore("{domain}", "decoder_output"),
    output:
        directory(LAYOUT.rounds("{system}", "{domain}", "{seed}", "{round}")),
    log:
        f"{RESULTS}/logs/train_ink_round/{{system}}/{{domain}}/seed{{seed}}/{{round}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train_ink_round/{{system}}/{{domain}}/seed{{seed}}/{{round}}.tsv"
    wildcard_constraints:
        system=INKS,
    priority: 10  # the longest chain goes first
    threads: THREADS["training"] * config["training"]["processes"]
    resources:
        gpu=gpus("train-ink-round", config["training"]["processes"]),
    params:
        settings=settings("train-ink-round"),
        files=lambda wildcards, input: options(
            **model_files(wildcards), **previous_rounds(wildcards), datastore=input.datastore
        ),
        last=lambda wildcards: last_round(config, int(wildcards.round)),
        config=CONFIG,
    shell:
        "ink --log {log:q} --threads {threads} train-ink-round --config {params.config:q} --system {wildcards.system}"
        " --domain {wildcards.domain} --seed {wildcards.seed} --round {wildcards.round}"
        " --last {params.last} {params.files}"
        " --output {output:q}"


rule finish_ink:
    input:
        unpack(model_files),
        rounds=lambda wildcards: [rounds_folder(wildcards, first) for first in FIRST_ROUNDS],
    output:
        adapter=LAYOUT.adapter("{system}", "{domain}", "{seed}"),
        card=LAYOUT.card("{system}", "{domain}", "{seed}"),
        record=f"{WORK}/adapters/{{system}}/{{domain}}/seed{{seed}}/record.json",
    log:
        f"{RESULTS}/logs/finish_ink/{{system}}/{{domain}}/seed{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/finish_ink/{{system}}/{{domain}}/seed{{seed}}.tsv"
    wildcard_constraints:
        system=INKS,
    threads: THREADS["decoding"]
    resources:
        gpu=gpus("finish-ink"),
    params:
        settings=settings("finish-ink"),
        files=lambda wildcards, input: options(**model_files(wildcards)),
        rounds=lambda wildcards, input: repeated("--round", input.rounds),
        folder=subpath(output.adapter, parent=True),
        config=CONFIG,
    shell:
        "ink --log {log:q} --threads {threads} finish-ink --config {params.config:q} --system {wildcards.system}"
        " --domain {wildcards.domain} --seed {wildcards.seed} {params.files} {params.rounds} --output {params.folder:q}"


if SEARCHED:

    ruleorder: choose_ink > finish_ink

    rule choose_ink:
        input:
            points=lambda wildcards: [
                LAYOUT.adapter(point, wildcards.domain, seed)
                for point in searched_points(config, wildcards.domain)
                for seed in config["seeds"]
            ],
        output:
            adapter=LAYOUT.adapter("ink", "{domain}", "{seed}"),
            card=LAYOUT.card("ink", "{domain}", "{seed}"),
            record=f"{WORK}/adapters/ink/{{domain}}/seed{{seed}}/record.json",
        log:
            f"{RESULTS}/logs/choose_ink/{{domain}}/seed{{seed}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/choose_ink/{{domain}}/seed{{seed}}.tsv"
        wildcard_constraints:
            domain=either(SEARCHED),
        localrule: True
        params:
            settings=settings("choose-ink"),
            points=lambda wildcards, input: repeated("--point", map(os.path.dirname, input.points)),
            folder=subpath(output.adapter, parent=True),
            config=CONFIG,
        shell:
            "ink --log {log:q} choose-ink --config {params.config:q} --domain {wildcards.domain}"
            " --seed {wildcards.seed} {params.points} --output {params.folder:q}"
