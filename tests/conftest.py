import os
import sys

import pytest

# Shared cores: OpenMP threads that spin make everything slower. Set before torch or numpy load.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# Checks in the background would add passes that tests of the queue count.
os.environ.setdefault("BINDSCOPE_PASSPORTS", "off")


@pytest.fixture(autouse=True)
def _same_main():
    """Streamlit's AppTest puts the page in the place of ``__main__``, which every spawned worker would then run."""
    before = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = before
