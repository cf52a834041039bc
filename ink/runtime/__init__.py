"""What everything may use: errors, whole files, locks, disk, processes, progress. It imports no other part of ink."""
