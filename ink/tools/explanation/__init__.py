"""Looking into a translation: which training sentences a system that retrieves has looked at, and what they added."""
