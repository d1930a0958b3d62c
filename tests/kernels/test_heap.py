"""Memory that is kept: what is given back is taken again without new pages from the system."""

import subprocess
import sys

import pytest

from pellucid.kernels.heap import keep_heap

AGAIN_AND_AGAIN = """
import resource, torch
from pellucid.kernels.heap import keep_heap

keep_heap()
held = [torch.ones(1 << 24), torch.ones(1 << 24)]
del held
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    torch.ones(1 << 24)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(not keep_heap(), reason="the C library cannot be told to keep memory")
def test_tensors_of_64_mib_are_made_five_times_from_the_same_pages():
    ran = subprocess.run(
        [sys.executable, "-c", AGAIN_AND_AGAIN], capture_output=True, text=True, check=True
    )
    assert int(ran.stdout) < 1000, "of 80,000 pages"
