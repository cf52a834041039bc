# Every system on every domain: translations of the test set, and scores.
def system_files(wildcards):
    """What a system adds to the base model."""
    system = SYSTEMS[wildcards.system]
    files = {}
    if system.model != "base":
        files["adapter"] = f"{WORK}/adapters/{system.model}/{wildcards.domain}/seed{wildcards.seed}/adapter.safetensors"
    if system.combiner is not None:
        files["datastore"] = base_datastore(wildcards.domain, config[wildcards.system]["key"])
        files["combiner"] = f"{WORK}/combiners/{wildcards.system}/{wildcards.domain}/combiner.json"
    return files


def general_test(wildcards):
    """The general domain's test set, to see what an adapted system forgot; the unadapted one is scored on it once."""
    if GENERAL is None or wildcards.system == "off_the_shelf":
        return {}
    return {f"general_{name}": path for name, path in text_of(GENERAL).items()}


rule evaluate:
    input:
        unpack(model_files),
        unpack(system_files),
        unpack(general_test),
    output:
        hypotheses=f"{RESULTS}/hypotheses/{{system}}/{{domain}}/seed{{seed}}.{TARGET}",
        scores=f"{RESULTS}/scores/{{system}}/{{domain}}/seed{{seed}}.json",
    params:
        settings=settings("evaluate"),
        files=lambda wildcards, input: options(**input),
        config=CONFIG,
    log:
        f"{RESULTS}/logs/evaluate/{{system}}/{{domain}}/seed{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/evaluate/{{system}}/{{domain}}/seed{{seed}}.tsv"
    threads: THREADS["decoding"]
    resources:
        mem_mb=4000,
    shell:
        "ink --log {log} --threads {threads} evaluate --config {params.config} --system {wildcards.system}"
        " --domain {wildcards.domain} --seed {wildcards.seed} {params.files}"
        " --hypotheses {output.hypotheses} --scores {output.scores}"
