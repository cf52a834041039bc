# What tables, figures and the report read.
def runs():
    """Every run that the tables of this config show; a domain without training text is scored, not adapted."""
    wanted = [
        (system, domain)
        for system in config["systems"]
        for domain in DOMAINS
        if has_training(config, domain) or not system_named(system).is_adapted
    ]
    if GENERAL is not None and OFF_THE_SHELF in config["systems"]:
        wanted.append((OFF_THE_SHELF, GENERAL))
    return [f"{system}/{domain}/seed{seed}" for system, domain in wanted for seed in seeds_of(system, config["seeds"])]


def metric_scores(systems, domains, metrics=SEPARATE_METRICS):
    """The scores of these systems in the metrics that have a file of their own, where systems are scored."""
    return [
        LAYOUT.metric(system, domain, seed, metric)
        for metric in metrics
        for domain in domains
        for system in systems
        if has_training(config, domain) or not system_named(system).is_adapted
        for seed in seeds_of(system, config["seeds"])
    ]


def table_inputs():
    """Table 2, the gains and what was forgotten: scores and hypotheses of every run, and references."""
    return [
        *metric_scores(config["systems"], DOMAINS),
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


def compared(variations_of):
    """Scores and hypotheses of the variations of each domain, and of what they are variations of."""
    runs = [
        (system, domain)
        for domain, names in variations_of.items()
        for system in dict.fromkeys([*(variation_named(name).of for name in names), *names])
    ]
    return [
        *[LAYOUT.scores(*run, seed) for run in runs for seed in config["seeds"]],
        *[path for system, domain in runs for path in metric_scores([system], [domain], COMPARED_METRICS)],
        *[path for system, domain in runs for path in resampled([system], [domain])],
    ]


def ablation_inputs():
    """Table 4: what INK and its ablations have come to where there are any, and the paper's table."""
    return [*compared(ABLATIONS), f"{PAPER}/table4.csv"]


def figure_inputs():
    """The figures: scores of every system and further adapter size, what is resampled, curves, the paper's numbers."""
    domains, gaining = adapted_domains(config), gaining_systems(config)
    runs = [(system, domain) for domain in domains for system in [*config["systems"], *sizes_of(config, domain)]]
    drawn = [metric for metric in SEPARATE_METRICS if metric == metrics_of(config)[0]]
    return [
        *([f"{RESULTS}/curves.csv"] if "training" in FIGURES else []),
        *[LAYOUT.scores(*run, seed) for run in runs for seed in seeds_of(run[0], config["seeds"])],
        *[path for system, domain in runs for path in metric_scores([system], [domain], drawn)],
        *(resampled([OFF_THE_SHELF, *gaining], domains) if gaining else []),
        *[f"{PAPER}/{name}.csv" for name in ("table2", "figure4_text")],
    ]


def training_records():
    """What the trainings of Adapter and INK have written down, pass by pass."""
    return [
        f"{WORK}/adapters/{system}/{domain}/seed{seed}/record.json"
        for domain in adapted_domains(config)
        for system in curve_systems(config)
        for seed in config["seeds"]
    ]


def leaderboard_inputs():
    """The leaderboard: scores of every system, and how fast those are that were timed."""
    domains = adapted_domains(config) or DOMAINS
    return [
        *[
            LAYOUT.scores(system, domain, seed)
            for system in config["systems"]
            for domain in domains
            if has_training(config, domain) or not system_named(system).is_adapted
            for seed in seeds_of(system, config["seeds"])
        ],
        *metric_scores(config["systems"], domains),
        *([f"{RESULTS}/speed/{config['speed']['domain']}.json"] if SPEED_SYSTEMS else []),
        *[f"{PAPER}/{name}.csv" for name in ("table2", "elsewhere")],
    ]


def shown(path, name, category):
    """Let Snakemake's own report show a file, with the caption in workflow/report."""
    return report(path, caption=f"../report/{name}.rst", category=category, labels={"what": TITLES[category][name]})
