"""What `benchmarks/peers.py` measures: a file a peer, each run in processes of its own.

A peer's module has

    PACKAGES               what is installed for it, by the names of their distributions
    prepare(task)          write its files from the common weights; whether there was any to write
    open_contender(task)   load, and give back a `Contender`

and is imported by the worker alone, so that a peer that is not installed is a line in the table.
"""
