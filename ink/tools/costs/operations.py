"""What jobs are made of: passes, searches, beam search, epochs and rounds, in FLOP, bytes and steps.

Nothing is measured here: counted from the architecture, the sizes of text and datastores, and what the code does.
Attention's own products and padding are left out.
"""

from __future__ import annotations

from ink.config.sections.base_system import BITS, code_bits, codes_of
from ink.datastore.knn_graph_division import ITERATIONS, PROBES
from ink.tools.costs.cost import MEASURED_CODE_BYTES, Cost
from ink.tools.costs.file_sizes import index_bytes
from ink.tools.costs.workload import DomainWorkload

LENGTHENING = 1.3  # of a batch's longest hypothesis over the mean one
CENTROIDS = 256  # of a byte of a code
FAST_SCAN = 0.25  # of the time of as many bytes of 8-bit codes, on keys of the real Koran text


def weight_bytes(precision: str) -> tuple[int, int]:
    """Return the bytes of a weight, and of one that is trained with its gradient and two moments.

    In half precision it has itself and its gradient in single precision besides.
    """
    return (4, 4 + 4 + 8) if precision == "fp32" else (2, 2 + 2 + 4 + 4 + 8)


def model_bytes(domain: DomainWorkload, adapter: int = 0) -> float:
    """Return the bytes of the base model with an adapter, as inference has it in memory."""
    return weight_bytes(domain.config["precision"])[0] * float(domain.model.parameters + adapter)


def logit_bytes(domain: DomainWorkload) -> float:
    """Return what a pass has of log-probabilities of all target tokens, and of the logits before them."""
    return 2 * 4.0 * domain.config["datastore"]["batch_tokens"] * domain.model.types


def activation_bytes(domain: DomainWorkload, adapter: int = 0) -> float:
    """Estimate what a training step keeps of each token: of every layer, and four times the output layer's scores.

    Of a layer on average 16 vectors of its width, twice its feed-forward network's inner ones, and twice the adapter's.
    Scores are in single precision, or twice in either.
    """
    model = domain.model
    # 6 width^2 weights a layer are attention's, so that the rest are the feed-forward networks' two matrices
    feed_forward = (model.encoder + model.decoder) / model.dimension - 6 * model.layers * model.dimension
    vectors = 16 * model.layers * model.dimension + feed_forward + adapter / model.dimension
    return weight_bytes(domain.config["precision"])[0] * vectors + 4.0 * 4 * model.types


def training_bytes(domain: DomainWorkload) -> float:
    """Count the GPU's memory in training: the base model, adapters with gradient and two moments, activations."""
    batch = domain.config["training"]["batch_tokens"] * activation_bytes(domain, domain.adapter)
    return model_bytes(domain) + weight_bytes(domain.config["precision"])[1] * domain.adapter + batch


def averaging_bytes(domain: DomainWorkload) -> float:
    """Return the bytes of the adapters that are averaged."""
    return (domain.config["training"]["average_last"] + 1) * 4.0 * domain.adapter


def index_on_gpu_bytes(domain: DomainWorkload) -> float:
    """Return what a search on the models' own GPU holds: the index with values and log-probabilities."""
    on_gpu = same_gpu(domain.config["index"]["device"], domain.config["device"])
    if not domain.workload.keys or not on_gpu:
        return 0.0
    return index_bytes(domain.workload, domain.entries) + (4 + 4) * domain.entries


def same_gpu(index: str, model: str) -> bool:
    """Whether the devices of index and model, as the config names them, are one GPU; the model's is then no CPU."""
    return index != "cpu" and (index.partition(":")[2] or "0") == (model.partition(":")[2] or "0")


def pass_flop(domain: DomainWorkload, tokens: float, *, adapter: int = 0, output: bool = True) -> float:
    """Count a pass over so many tokens on either side."""
    return 2 * tokens * (domain.model.parameters - (0 if output else domain.model.embeddings) + adapter)


def search(domain: DomainWorkload, queries: float) -> Cost:
    """Count a search in the index: its lists' centroids and the codes of the probed ones, or all keys."""
    index, width = domain.config["index"], domain.model.dimension
    if index["type"] == "exact":
        return Cost(cpu=queries * 2 * width * domain.entries)
    codes = queries * index["probes"] * domain.entries / index["lists"]
    bits = code_bits(index)
    return Cost(
        cpu=queries * 2 * width * index["lists"],
        codes=codes * index["code_bytes"] / MEASURED_CODE_BYTES * (1 if bits == BITS else FAST_SCAN),
        # FAISS's table for L2 distances of residuals; the index itself is mapped
        anonymous=4.0 * index["lists"] * codes_of(index["code_bytes"], bits) * 2**bits,
    )


def beam_search(
    domain: DomainWorkload,
    split: str,
    adapter: int = 0,
    *,
    sentences: float | None = None,
    beam: int | None = None,
    batch: int | None = None,
) -> Cost:
    """Count beam search of a split, or of so many of its sentences; `beam` and `batch` are decoding's by default."""
    model, decoding = domain.model, domain.config["decoding"]
    count, length = domain.sentences(split) if sentences is None else sentences, domain.length(split)
    encoder, decoder = model.encoder + adapter / 2, model.decoder + model.embeddings + adapter / 2
    return Cost(
        decoding=2 * count * length * (encoder + (beam or decoding["beam"]) * decoder),
        steps=count / (batch or decoding["batch_sentences"]) * length * LENGTHENING,
    )


def dev_bleu(domain: DomainWorkload, adapter: int = 0) -> Cost:
    """Count the beam search after an epoch or a round of training."""
    training = domain.config["training"]
    sentences = min(training["dev_sentences"], domain.sentences("dev"))
    return beam_search(domain, "dev", adapter, sentences=sentences, beam=training["dev_beam"])


def adapter_epoch(domain: DomainWorkload) -> Cost:
    """Count an epoch of an adapter: through the frozen base model there and back, three times through the adapter."""
    return Cost(gpu=2 * pass_flop(domain, domain.entries) + 3 * 2 * domain.entries * domain.adapter)


def refresh(domain: DomainWorkload) -> Cost:
    """Count what INK's rounds begin with: a pass without output layer, whose keys are written."""
    return Cost(gpu=pass_flop(domain, domain.entries, adapter=domain.adapter, output=False), written=domain.keys)


def neighbour_search(domain: DomainWorkload) -> Cost:
    """Count the neighbours of all entries: k-means on the CPU, the nearest lists twice and the lists on the GPU."""
    width = domain.model.dimension
    passes = -(-domain.entries // max(1, domain.block))
    nearest = 2 * 2.0 * width * domain.entries * domain.lists
    within = 2.0 * width * domain.entries * PROBES * domain.entries / domain.lists
    if domain.config["ink"]["neighbours"] == "per_round_exact":
        nearest, within = 0.0, 2.0 * width * domain.entries**2
    return Cost(
        single=nearest + within,
        cpu=2.0 * width * domain.sampled * domain.lists * ITERATIONS,
        gathered=passes * domain.keys,
        launches=passes * domain.lists,
    )


def ink_epoch(domain: DomainWorkload) -> Cost:
    """Count INK's epoch and dev BLEU: each position gathers k keys."""
    return adapter_epoch(domain) + Cost(gathered=domain.keys * domain.k) + dev_bleu(domain, domain.adapter)
