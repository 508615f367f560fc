from dataclasses import replace

import pytest
import torch

from bindscope.training.bundled.config import BundledSpec, preset


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def small_bind() -> BundledSpec:
    return replace(preset("tiny-bind", steps=12), batch=(4, 8, 4), warmup=2, validation=10, layouts=16)
