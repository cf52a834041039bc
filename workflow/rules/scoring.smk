# The metrics that are scored apart from translating, each on every run of Table 2.
if SEPARATE_METRICS:

    rule score:
        input:
            unpack(metric_files),
            corpus=LAYOUT.corpus("{domain}"),
            hypotheses=LAYOUT.hypotheses("{system}", "{domain}", "{seed}"),
        output:
            LAYOUT.metric("{system}", "{domain}", "{seed}", "{metric}"),
        log:
            f"{RESULTS}/logs/score/{{metric}}/{{system}}/{{domain}}/seed{{seed}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/score/{{metric}}/{{system}}/{{domain}}/seed{{seed}}.tsv"
        threads: THREADS["decoding"]
        resources:
            gpu=lambda wildcards: gpus("score", metric=wildcards.metric),
        params:
            settings=settings("score"),
            config=CONFIG,
        shell:
            "ink --log {log:q} --threads {threads} score --config {params.config:q} --metric {wildcards.metric}"
            " --system {wildcards.system} --domain {wildcards.domain} --seed {wildcards.seed} --corpus {input.corpus:q}"
            " --hypotheses {input.hypotheses:q} --output {output:q}"
