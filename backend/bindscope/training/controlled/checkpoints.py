"""AdamW's state as named tensors: with weights and generator it gives the same next step, bit for bit."""

from collections.abc import Mapping

import torch
from torch import Tensor

from bindscope.core.errors import ModelUnavailable

_PREFIX = "adam."


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Moments and step counts, named by the position of the parameter."""
    state = optimizer.state_dict()["state"]
    return {f"{_PREFIX}{i}.{key}": value for i, own in state.items() for key, value in own.items()}


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Puts the moments back. Raises ModelUnavailable where they belong to another model."""
    blank = optimizer.state_dict()
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith(_PREFIX):
            _, number, key = name.split(".")
            state.setdefault(int(number), {})[key] = value.clone()
    if not set(state) <= {i for group in blank["param_groups"] for i in group["params"]}:
        raise ModelUnavailable("The checkpoint belongs to another model: start the run again with resume=False.")
    optimizer.load_state_dict({"state": state, "param_groups": blank["param_groups"]})
