"""What an experiment's jobs compute, hold and write, counted from its config: for the doctor, and for docs/scale.md."""
