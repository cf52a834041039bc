# Tables, figures and the report, from results/ alone.
rule table1:
    input:
        [f"{RESULTS}/corpus/{domain}.json" for domain in dict.fromkeys([*DOMAINS, *mixed_domains(config)])],
        f"{PAPER}/table1.csv",
    output:
        table("table1"),
    log:
        f"{RESULTS}/logs/table1.log",
    benchmark:
        f"{RESULTS}/benchmarks/table1.tsv"
    localrule: True
    params:
        settings=settings("tables"),
        config=CONFIG,
        results=subpath(output[0], ancestor=2),
    shell:
        "ink --log {log:q} tables --config {params.config:q} --results {params.results:q} table1"


rule table2:
    input:
        table_inputs(),
        [f"{RESULTS}/corpus/{domain}.json" for domain in DOMAINS],
        f"{PAPER}/table1.csv",
        f"{PAPER}/table2.csv",
        f"{PAPER}/memory.csv",
    output:
        table("table2"),
        table("gains"),
        table("memory"),
        table("general") if GENERAL is not None else [],
    log:
        f"{RESULTS}/logs/table2.log",
    benchmark:
        f"{RESULTS}/benchmarks/table2.tsv"
    localrule: True
    params:
        settings=settings("tables"),
        names="table2 gains memory" + (" general" if GENERAL is not None else ""),
        config=CONFIG,
        results=subpath(output[0], ancestor=2),
    shell:
        "ink --log {log:q} tables --config {params.config:q} --results {params.results:q} {params.names}"


if ACCURACY_DOMAINS:

    rule table3:
        input:
            [
                f"{RESULTS}/knn_accuracy/{domain}/seed{seed}.json"
                for domain in ACCURACY_DOMAINS
                for seed in config["seeds"]
            ],
            f"{PAPER}/table3.csv",
        output:
            table("table3"),
        log:
            f"{RESULTS}/logs/table3.log",
        benchmark:
            f"{RESULTS}/benchmarks/table3.tsv"
        localrule: True
        params:
            settings=settings("tables"),
            config=CONFIG,
            results=subpath(output[0], ancestor=2),
        shell:
            "ink --log {log:q} tables --config {params.config:q} --results {params.results:q} table3"


if ABLATIONS:

    rule table4:
        input:
            ablation_inputs(),
        output:
            table("table4"),
        log:
            f"{RESULTS}/logs/table4.log",
        benchmark:
            f"{RESULTS}/benchmarks/table4.tsv"
        localrule: True
        params:
            settings=settings("tables"),
            config=CONFIG,
            results=subpath(output[0], ancestor=2),
        shell:
            "ink --log {log:q} tables --config {params.config:q} --results {params.results:q} table4"


if CONTROLS:

    rule table_controls:
        input:
            compared(CONTROLS),
        output:
            table("controls"),
        log:
            f"{RESULTS}/logs/table_controls.log",
        benchmark:
            f"{RESULTS}/benchmarks/table_controls.tsv"
        localrule: True
        params:
            settings=settings("tables"),
            config=CONFIG,
            results=subpath(output[0], ancestor=2),
        shell:
            "ink --log {log:q} tables --config {params.config:q} --results {params.results:q} controls"


if SPEED_SYSTEMS:

    rule table5:
        input:
            f"{RESULTS}/speed/{config['speed']['domain']}.json",
            f"{PAPER}/table5.csv",
        output:
            table("table5"),
        log:
            f"{RESULTS}/logs/table5.log",
        benchmark:
            f"{RESULTS}/benchmarks/table5.tsv"
        localrule: True
        params:
            settings=settings("tables"),
            config=CONFIG,
            results=subpath(output[0], ancestor=2),
        shell:
            "ink --log {log:q} tables --config {params.config:q} --results {params.results:q} table5"


if "training" in FIGURES:

    rule gather_curves:
        input:
            training_records(),
        output:
            f"{RESULTS}/curves.csv",
        log:
            f"{RESULTS}/logs/gather_curves.log",
        benchmark:
            f"{RESULTS}/benchmarks/gather_curves.tsv"
        localrule: True
        shell:
            "ink --log {log:q} gather-curves {input:q} --output {output:q}"


if FIGURES:

    rule figures:
        input:
            figure_inputs(),
        output:
            [path for name in FIGURES for path in figure(name)],
        log:
            f"{RESULTS}/logs/figures.log",
        benchmark:
            f"{RESULTS}/benchmarks/figures.tsv"
        localrule: True
        params:
            settings=settings("figures"),
            config=CONFIG,
            results=subpath(output[0], ancestor=2),
        shell:
            "ink --log {log:q} figures --config {params.config:q} --results {params.results:q}"


if has_leaderboard(config):

    rule leaderboard:
        input:
            leaderboard_inputs(),
        output:
            table("leaderboard"),
            figure("leaderboard"),
        log:
            f"{RESULTS}/logs/leaderboard.log",
        benchmark:
            f"{RESULTS}/benchmarks/leaderboard.tsv"
        localrule: True
        params:
            settings=settings("leaderboard"),
            config=CONFIG,
            results=subpath(output[0], ancestor=2),
        shell:
            "ink --log {log:q} leaderboard --config {params.config:q} --results {params.results:q}"


rule tables:
    input:
        all_tables(),
        all_figures(),


rule report:
    input:
        all_tables(),
        all_figures(),
    output:
        shown(f"{RESULTS}/report.html", "report", "Report"),
    log:
        f"{RESULTS}/logs/report.log",
    benchmark:
        f"{RESULTS}/benchmarks/report.tsv"
    localrule: True
    params:
        results=subpath(output[0], parent=True),
    shell:
        "ink --log {log:q} report --page-only {params.results:q}"
