"""The datastore: keys and values on disk, their index, and search."""
