"""What encoders need to know about the machine. Nothing heavy is imported here."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from bindscope.core.errors import InvalidInput, UnknownName
from bindscope.encoders.families.precomputed import Uploads

DEVICES = ("auto", "cpu", "cuda")
DTYPES = ("float32", "float16", "bfloat16")


class RunFiles(Protocol):
    """Where trained runs (``controlled:ID`` models) or repairs (``repaired:ID``) lie."""

    def ids(self) -> list[str]:
        """Ids of all of them, finished or not."""
        ...

    def read(self, run_id: str, name: str, /) -> bytes:
        """One file. Raises UnknownName where there is none."""
        ...


@dataclass(frozen=True)
class EncoderSettings:
    """Where models run and where they may come from.

    ``device``: ``auto`` takes CUDA when there is one. ``dtype``: arithmetic of the forward pass. ``threads``: threads
    of one forward pass on the CPU (0 leaves torch's own choice). ``allow_downloads``: whether a model hub may be
    asked. ``model_roots``: folders below which ``local-dir:`` ids must lie.
    ``runs``: trained runs, ``repairs`` of text towers, and ``uploads`` with texts, which are models as well.
    """

    device: Literal["auto", "cpu", "cuda"] = "auto"
    dtype: Literal["float32", "float16", "bfloat16"] = "float32"
    threads: int = 0
    allow_downloads: bool = False
    model_roots: tuple[Path, ...] = ()
    runs: RunFiles | None = None
    repairs: RunFiles | None = None
    uploads: Uploads | None = None

    def __post_init__(self) -> None:
        if self.device not in DEVICES:
            raise UnknownName("device", self.device, DEVICES)
        if self.dtype not in DTYPES:
            raise UnknownName("dtype", self.dtype, DTYPES)
        if self.threads < 0:
            raise InvalidInput(f"threads must not be negative, got {self.threads}.")


def device_for(settings: EncoderSettings) -> Literal["cpu", "cuda"]:
    """The device that models run on here; changes nothing. Raises InvalidInput where the settings ask for what is not
    there."""
    import torch

    cuda = torch.cuda.is_available()
    if settings.device == "cuda" and not cuda:
        raise InvalidInput("There is no CUDA device here: set BINDSCOPE_DEVICE=auto or cpu.")
    if settings.device == "cpu" or not cuda:
        if settings.dtype == "float16":
            raise InvalidInput("float16 needs a CUDA device: set BINDSCOPE_DTYPE=float32 (or bfloat16).")
        return "cpu"
    return "cuda"


def prepared_device(settings: EncoderSettings) -> Literal["cpu", "cuda"]:
    """The device, once torch is set up for it as the settings say: threads, and full precision on a graphics card.
    Raises InvalidInput as ``device_for`` does."""
    import torch

    device = device_for(settings)
    if settings.threads:
        torch.set_num_threads(settings.threads)
    if device == "cuda":
        # TF32 would round float32 inputs of the patch convolution to ten bits.
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_tf32 = False
    return device
