# COMET's scores of every run of Table 2, where the config names a model.
if config["evaluation"]["comet"] is not None:

    rule score_comet:
        input:
            **comet_model(),
            corpus=LAYOUT.corpus("{domain}"),
            hypotheses=LAYOUT.hypotheses("{system}", "{domain}", "{seed}"),
        output:
            LAYOUT.comet("{system}", "{domain}", "{seed}"),
        log:
            f"{RESULTS}/logs/score_comet/{{system}}/{{domain}}/seed{{seed}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/score_comet/{{system}}/{{domain}}/seed{{seed}}.tsv"
        threads: THREADS["decoding"]
        resources:
            gpu=gpus("score-comet"),
        params:
            settings=settings("score-comet"),
            config=CONFIG,
        shell:
            "ink --log {log:q} --threads {threads} score-comet --config {params.config:q} --system {wildcards.system}"
            " --domain {wildcards.domain} --seed {wildcards.seed} --corpus {input.corpus:q}"
            " --hypotheses {input.hypotheses:q} --output {output:q}"
