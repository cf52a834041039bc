"""Systems: rows of Table 2, their variations, where their files are, and how one is put together for decoding."""
