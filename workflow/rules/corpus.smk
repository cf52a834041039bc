# Text: generated or taken from files, then normalised, tokenised, segmented and binarised; or binarised already.
if config["data"]["source"] == "synthetic":

    rule generate_corpus:
        output:
            [directory(LAYOUT.corpus(domain)) for domain in config["data"]["synthetic"]["sentences"]],
        log:
            f"{RESULTS}/logs/generate_corpus.log",
        benchmark:
            f"{RESULTS}/benchmarks/generate_corpus.tsv"
        params:
            settings=settings("generate-corpus"),
            folder=subpath(output[0], parent=True),
            config=CONFIG,
        shell:
            "ink --log {log:q} generate-corpus --config {params.config:q} --output {params.folder:q}"

elif config["data"]["source"] == "files":

    rule ingest_corpus:
        input:
            lambda wildcards: [
                path for files in text_files(config, wildcards.domain) for path in (files.source, files.target)
            ],
        output:
            directory(LAYOUT.corpus("{domain}")),
        log:
            f"{RESULTS}/logs/ingest_corpus/{{domain}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/ingest_corpus/{{domain}}.tsv"
        params:
            settings=settings("ingest-corpus"),
            config=CONFIG,
        shell:
            "ink --log {log:q} ingest-corpus --config {params.config:q} --domain {wildcards.domain} --output {output:q}"

else:

    rule restore_corpus:
        input:
            lambda wildcards: binarised_paths(config, wildcards.domain),
        output:
            directory(LAYOUT.corpus("{domain}")),
        log:
            f"{RESULTS}/logs/restore_corpus/{{domain}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/restore_corpus/{{domain}}.tsv"
        params:
            settings=settings("restore-corpus"),
            config=CONFIG,
        shell:
            "ink --log {log:q} restore-corpus --config {params.config:q} --domain {wildcards.domain}"
            " --output {output:q}"


if given_base_model(config) is None:

    rule learn_vocabulary:
        input:
            corpus=LAYOUT.corpus(GENERAL),
        output:
            directory(LAYOUT.vocabulary),
        log:
            f"{RESULTS}/logs/vocabulary.log",
        benchmark:
            f"{RESULTS}/benchmarks/vocabulary.tsv"
        params:
            settings=settings("learn-vocabulary"),
            config=CONFIG,
        shell:
            "ink --log {log:q} learn-vocabulary --config {params.config:q} --corpus {input.corpus:q}"
            " --output {output:q}"

else:

    rule adopt_vocabulary:
        input:
            vocabulary_files(config),
        output:
            directory(LAYOUT.vocabulary),
        log:
            f"{RESULTS}/logs/vocabulary.log",
        benchmark:
            f"{RESULTS}/benchmarks/vocabulary.tsv"
        params:
            settings=settings("adopt-vocabulary"),
            config=CONFIG,
        shell:
            "ink --log {log:q} adopt-vocabulary --config {params.config:q} --output {output:q}"


if config["data"]["source"] != "binarised":

    rule prepare_corpus:
        input:
            corpus=LAYOUT.corpus("{domain}"),
            vocabulary=LAYOUT.vocabulary,
        output:
            folder=directory(LAYOUT.data("{domain}")),
            summary=f"{RESULTS}/corpus/{{domain}}.json",
            references=f"{RESULTS}/references/{{domain}}.{TARGET}",
        log:
            f"{RESULTS}/logs/prepare_corpus/{{domain}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/prepare_corpus/{{domain}}.tsv"
        params:
            settings=settings("prepare-corpus"),
            config=CONFIG,
        shell:
            "ink --log {log:q} prepare-corpus --config {params.config:q} --corpus {input.corpus:q}"
            " --vocabulary {input.vocabulary:q} --output {output.folder:q} --summary {output.summary:q}"
            " --references {output.references:q}"

else:

    rule adopt_corpus:
        input:
            lambda wildcards: binarised_paths(config, wildcards.domain),
            corpus=LAYOUT.corpus("{domain}"),
            vocabulary=LAYOUT.vocabulary,
        output:
            folder=directory(LAYOUT.data("{domain}")),
            summary=f"{RESULTS}/corpus/{{domain}}.json",
            references=f"{RESULTS}/references/{{domain}}.{TARGET}",
        log:
            f"{RESULTS}/logs/adopt_corpus/{{domain}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/adopt_corpus/{{domain}}.tsv"
        params:
            settings=settings("adopt-corpus"),
            config=CONFIG,
        shell:
            "ink --log {log:q} adopt-corpus --config {params.config:q} --domain {wildcards.domain}"
            " --corpus {input.corpus:q} --vocabulary {input.vocabulary:q} --output {output.folder:q}"
            " --summary {output.summary:q} --references {output.references:q}"
