"""Tables from results/EXPERIMENT alone, each in four formats, beside the paper's."""
