"""What a paper-scale experiment needs from elsewhere: what it is, fetching it, checking it and unpacking it."""
