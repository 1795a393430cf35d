"""The only writer of the database, and what sweeps it."""
