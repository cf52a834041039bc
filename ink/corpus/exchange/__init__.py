"""Formats in which translators keep and exchange text: TMX, gettext catalogues, XLIFF."""
