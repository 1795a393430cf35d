"""What runs: a folder per daemon, the same file names in each."""
