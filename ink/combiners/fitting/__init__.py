"""Training combiners on the dev set: the base model's queries, the loss, R-kNN's perturbation, and the loop."""
