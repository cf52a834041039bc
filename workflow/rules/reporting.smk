# Tables, from results/ alone.
def table(name):
    return multiext(f"{RESULTS}/tables/{name}", ".csv", ".md", ".tex")


def table_inputs():
    """Tables 2, gains and general read scores, hypotheses and references."""
    paths = all_scores()
    hypotheses = [path.replace("/scores/", "/hypotheses/").replace(".json", f".{TARGET}") for path in paths]
    return [*paths, *hypotheses, *[f"{RESULTS}/references/{domain}.{TARGET}" for domain in DOMAINS]]


def all_tables():
    names = ["table1", "table2", "gains", *(["general"] if GENERAL is not None else [])]
    return [path for name in names for path in table(name)]


rule table1:
    input:
        [f"{RESULTS}/corpus/{domain}.json" for domain in DOMAINS],
    output:
        table("table1"),
    params:
        settings=settings("tables"),
        config=CONFIG,
        results=RESULTS,
    log:
        f"{RESULTS}/logs/table1.log",
    benchmark:
        f"{RESULTS}/benchmarks/table1.tsv"
    resources:
        mem_mb=1000,
    shell:
        "ink --log {log} tables --config {params.config} --results {params.results} table1"


rule table2:
    input:
        table_inputs(),
    output:
        table("table2"),
        table("gains"),
        table("general") if GENERAL is not None else [],
    params:
        settings=settings("tables"),
        names="table2 gains" + (" general" if GENERAL is not None else ""),
        config=CONFIG,
        results=RESULTS,
    log:
        f"{RESULTS}/logs/table2.log",
    benchmark:
        f"{RESULTS}/benchmarks/table2.tsv"
    resources:
        mem_mb=1000,
    shell:
        "ink --log {log} tables --config {params.config} --results {params.results} {params.names}"
