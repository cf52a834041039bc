"""Tables and figures from results/EXPERIMENT alone: no model, no corpus, no GPU, on any machine."""
