"""A chosen token's probability taken apart into what the model and what each neighbour gave to it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from fairseq.data import Dictionary
from torch import Tensor

from ink.combiners.combiner import LOG_ZERO, Weights
from ink.combiners.knn_transformer import KnnTransformer
from ink.datastore.search import Neighbours


@dataclass(frozen=True)
class Decomposition:
    """p = lambda p_kNN + (1 - lambda) p_NMT of the chosen token at each position, float64.

    p_nmt, p_knn, interpolation (lambda), log_p: (length,); shares: (length, k), each neighbour's share of p_kNN,
    whatever its value; 0 where lambda is 0, for then no share is ever computed.
    """

    p_nmt: Tensor
    p_knn: Tensor
    interpolation: Tensor
    log_p: Tensor
    shares: Tensor


def decompose(weights: Weights, values: Tensor, chosen: Tensor, of_chosen: Tensor) -> Decomposition:
    """Take the mixture at `chosen` apart.

    weights: a combiner's, (length, k) and (length, 1); values: (length, k); chosen: (length,) tokens; of_chosen:
    (length,), log p_NMT of these. With several lambdas, as in A-kNN, theirs is what is missing to p_NMT's weight.
    """
    added, model, own = weights.neighbours.double(), weights.model.double(), of_chosen.double()
    total = torch.logsumexp(added, dim=-1, keepdim=True)
    shares = torch.where(total > LOG_ZERO / 2, (added - total).exp(), 0.0)
    agrees = values == chosen.unsqueeze(-1)
    mass = torch.logsumexp(added.masked_fill(~agrees, LOG_ZERO), dim=-1)
    return Decomposition(
        own.exp(),
        (shares * agrees).sum(-1),
        -torch.expm1(model.squeeze(-1)),
        torch.logaddexp(own + model.squeeze(-1), mass),
        shares,
    )


@torch.no_grad()
def look_again(
    network: KnnTransformer, dictionary: Dictionary, source: Tensor, target: Tensor
) -> tuple[Neighbours, Decomposition]:
    """Pass once over a finished translation, as beam search saw it, and take each of its tokens apart.

    source, target: (length,) token numbers, ends of sentence included. Neighbours are (target's length, k).
    """
    decoder, combiner = network.decoder.decoder, network.combiner
    lengths = torch.tensor([len(source)], device=source.device)
    encoder_out = network.encoder(source.unsqueeze(0), src_lengths=lengths)
    previous = torch.cat([target.new_tensor([dictionary.eos()]), target[:-1]]).unsqueeze(0)
    output, extra = decoder.extract_features(previous, encoder_out=encoder_out)
    queries = network.decoder.reader.read(output)[0].float()
    log_probs = decoder.get_normalized_probs((decoder.output_layer(output), extra), True, None)[0]
    neighbours = combiner.search(network.searcher, queries)
    weights = combiner.weights(combiner.positions(neighbours, queries, log_probs))
    of_chosen = log_probs.gather(-1, target.unsqueeze(-1)).squeeze(-1)
    return neighbours, decompose(weights, neighbours.values, target, of_chosen)
