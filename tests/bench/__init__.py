"""Tests of `pellucid.bench`."""
