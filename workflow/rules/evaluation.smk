# Every system on every domain: translations of the test set, and scores.
rule evaluate:
    input:
        unpack(model_files),
        unpack(system_files),
        unpack(general_test),
    output:
        hypotheses=LAYOUT.hypotheses("{system}", "{domain}", "{seed}"),
        scores=LAYOUT.scores("{system}", "{domain}", "{seed}"),
    log:
        f"{RESULTS}/logs/evaluate/{{system}}/{{domain}}/seed{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/evaluate/{{system}}/{{domain}}/seed{{seed}}.tsv"
    threads: THREADS["decoding"]
    resources:
        gpu=gpus("evaluate"),
    params:
        settings=settings("evaluate"),
        files=lambda wildcards, input: options(**input),
        config=CONFIG,
    shell:
        "ink --log {log:q} --threads {threads} evaluate --config {params.config:q} --system {wildcards.system}"
        " --domain {wildcards.domain} --seed {wildcards.seed} {params.files}"
        " --hypotheses {output.hypotheses:q} --scores {output.scores:q}"
