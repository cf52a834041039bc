"""`ink doctor`: what an experiment needs and what this machine has, before anything starts."""
