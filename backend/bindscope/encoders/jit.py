"""Forward passes that run without the Python interpreter.

An eager forward pass takes the interpreter's lock for each of its hundred operations; while other threads answer
requests it waits for the lock a hundred times; a trace takes it once (``python -m benchmarks bench_load`` measures
both). It is used only where it gives the same bits.
"""

import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from torch import Tensor

Forward: TypeAlias = "Callable[[Mapping[str, Tensor]], Tensor]"


def traced(forward: Forward, examples: "list[Mapping[str, Tensor]]") -> Forward:
    """``forward`` as a trace over the first example, or itself: where tracing fails or an example comes out different.

    The examples should differ in their number of items: a trace that has baked one in is found out by the others.
    """
    import torch

    names = tuple(examples[0])

    def flat(*tensors: "Tensor") -> "Tensor":
        return forward(dict(zip(names, tensors, strict=True)))

    def run(inputs: "Mapping[str, Tensor]") -> "Tensor":
        out: Tensor = graph(*(inputs[name] for name in names))
        return out

    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        try:
            graph = torch.jit.trace(flat, tuple(examples[0].values()), check_trace=False)  # type: ignore[no-untyped-call]
            # Twice: the first runs of a graph only watch it.
            same = all(torch.equal(forward(own), run(own)) for _ in range(2) for own in examples)
        except Exception:
            return forward
    return run if same else forward
