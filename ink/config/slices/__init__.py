"""What each command reads of an experiment's configuration, by type: these settings and no others.

A slice has sections of the configuration, or parts of them, under their names, and single settings. The workflow runs a
job again when one of them has changed, so that nothing can depend on a setting that would not rerun it.
"""
