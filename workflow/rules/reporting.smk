# Tables, figures and the report, from results/ alone.
def runs():
    """Every run that the tables of this config show; a domain without training text is scored, not adapted."""
    wanted = [
        (system, domain)
        for system in config["systems"]
        for domain in DOMAINS
        if system == "off_the_shelf" or has_training(config, domain)
    ]
    if GENERAL is not None and "off_the_shelf" in config["systems"]:
        wanted.append(("off_the_shelf", GENERAL))
    return [f"{system}/{domain}/seed{seed}" for system, domain in wanted for seed in seeds_of(system, config["seeds"])]


def comet_scores():
    """COMET's score of every run on a domain of Table 2."""
    if config["evaluation"]["comet"] is None:
        return []
    return [f"{RESULTS}/comet/{run}.json" for run in runs() if run.split("/")[1] in DOMAINS]


def table_inputs():
    """Table 2, the gains and what was forgotten: scores and hypotheses of every run, and references."""
    return [
        *comet_scores(),
        *[f"{RESULTS}/scores/{run}.json" for run in runs()],
        *[f"{RESULTS}/hypotheses/{run}.{TARGET}" for run in runs()],
        *[f"{RESULTS}/references/{domain}.{TARGET}" for domain in DOMAINS],
    ]


def resampled(systems, domains):
    """What a paired bootstrap reads: hypotheses of the first seed, and references."""
    return [
        *[
            f"{RESULTS}/hypotheses/{system}/{domain}/seed{FIRST_SEED}.{TARGET}"
            for system in systems
            for domain in domains
        ],
        *[f"{RESULTS}/references/{domain}.{TARGET}" for domain in domains],
    ]


def ablation_inputs():
    """Table 4: scores and hypotheses of INK and its ablations where there are any, and the paper's table."""
    runs = [(system, domain) for domain in ABLATIONS for system in ["ink", *ABLATIONS[domain]]]
    return [
        *[LAYOUT.scores(*run, seed) for run in runs for seed in config["seeds"]],
        *[path for system, domain in runs for path in resampled([system], [domain])],
        "results/paper/table4.csv",
    ]


def figure_inputs():
    """Figures 3 and 4: scores of every system and further adapter size, what is resampled, and the paper's numbers."""
    domains, gaining = adapted_domains(config), gaining_systems(config)
    runs = [(system, domain) for domain in domains for system in [*config["systems"], *sizes_of(config, domain)]]
    return [
        *[LAYOUT.scores(*run, seed) for run in runs for seed in seeds_of(run[0], config["seeds"])],
        *(resampled(["off_the_shelf", *gaining], domains) if gaining else []),
        *[f"results/paper/{name}.csv" for name in ("table2", "figure4_text")],
    ]


def shown(path, name, category):
    """Let Snakemake's own report show a file, with the caption in workflow/report."""
    return report(path, caption=f"../report/{name}.rst", category=category, labels={"what": TITLES[name]})


rule table1:
    input:
        [f"{RESULTS}/corpus/{domain}.json" for domain in DOMAINS],
        "results/paper/table1.csv",
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
        "ink --log {log} tables --config {params.config} --results {params.results} table1"


rule table2:
    input:
        table_inputs(),
        [f"{RESULTS}/corpus/{domain}.json" for domain in DOMAINS],
        "results/paper/table1.csv",
        "results/paper/table2.csv",
    output:
        table("table2"),
        table("gains"),
        table("general") if GENERAL is not None else [],
    log:
        f"{RESULTS}/logs/table2.log",
    benchmark:
        f"{RESULTS}/benchmarks/table2.tsv"
    localrule: True
    params:
        settings=settings("tables"),
        names="table2 gains" + (" general" if GENERAL is not None else ""),
        config=CONFIG,
        results=subpath(output[0], ancestor=2),
    shell:
        "ink --log {log} tables --config {params.config} --results {params.results} {params.names}"


if ACCURACY_DOMAINS:

    rule table3:
        input:
            [
                f"{RESULTS}/knn_accuracy/{domain}/seed{seed}.json"
                for domain in ACCURACY_DOMAINS
                for seed in config["seeds"]
            ],
            "results/paper/table3.csv",
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
            "ink --log {log} tables --config {params.config} --results {params.results} table3"


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
            "ink --log {log} tables --config {params.config} --results {params.results} table4"


if SPEED_SYSTEMS:

    rule table5:
        input:
            f"{RESULTS}/speed/{config['speed']['domain']}.json",
            "results/paper/table5.csv",
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
            "ink --log {log} tables --config {params.config} --results {params.results} table5"


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
            "ink --log {log} figures --config {params.config} --results {params.results}"


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
        "ink --log {log} report --page-only {params.results}"
