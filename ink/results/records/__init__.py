"""What runs left under results/EXPERIMENT, read and checked: scores, translations, times; and the paper's numbers."""
