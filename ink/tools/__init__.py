"""Tools for people: translate, explain, doctor, download, publish, clean."""
