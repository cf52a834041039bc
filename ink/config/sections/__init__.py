"""The settings of an experiment, section by section: kind, default, unit and documentation of each."""
