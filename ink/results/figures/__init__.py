"""Figures from results/EXPERIMENT alone, beside what the paper's have: SVG and PNG, what is drawn as CSV, a caption."""
