"""What is checked, one check a function: from the answers to the fixed inputs, the configuration and the
tokenizer of a model."""

import json
import re
from typing import Any

import numpy as np

from bindscope.encoders.golden import TEXTS, Golden, row_cosines
from bindscope.encoders.protocol import EncoderInfo, TokenCounter
from bindscope.encoders.towers import TorchEncoder
from bindscope.features.model_checks.schemas import CheckState, ModelCheck

#: Changes of a cosine by the size of the batch: rounding of float32 stays below the first.
_QUIET, _LOUD = 1e-5, 1e-3
_SAME = 1e-6
_OPENAI_FOLDER = re.compile(r"(openai[-_.]+)?clip-vit-(base|large)-patch\d+(-336)?")
NOT_ASKED = "It knows only the texts and scenes of its own space or upload, not the fixed ones of this check."


def outcome(name: str, state: CheckState, message: str, figure: float | None = None) -> ModelCheck:
    """``message`` is one sentence: what was found, and where it is bad what to do. ``figure`` is what was measured."""
    return ModelCheck(name=name, state=state, message=message, figure=figure)


def is_asked(info: EncoderInfo) -> bool:
    """Uploaded vectors and runs on other spaces do not know the fixed inputs."""
    return info.family != "precomputed" and "controlled:" not in info.id


def batch_noise(largest: float) -> ModelCheck:
    """``largest``: how far a cosine moves with the size of the batch."""
    name = "noise of the batch size"
    if largest <= _QUIET:
        return outcome(name, "passed", "Other batch sizes change a cosine by no more than rounding does.", largest)
    if largest <= _LOUD:
        said = "Other batch sizes change cosines visibly: smaller margins than this are undecided, as they are counted."
        return outcome(name, "noted", said, largest)
    said = "Other batch sizes change cosines a lot: check the padding and the attention mask, or use float32."
    return outcome(name, "warning", said, largest)


def order_canary(golden: Golden, info: EncoderInfo) -> ModelCheck:
    """Whether the text tower reads the order of words at all."""
    name = "order of words"
    if golden.texts is None:
        return outcome(name, "skipped", NOT_ASKED if info.reads("text") else "It reads no text.")
    true, swapped, turned = golden.texts[0], golden.texts[1], golden.texts[2]
    cosine = float(row_cosines(true[None], swapped[None])[0])
    same = float(row_cosines(true[None], turned[None])[0])
    if cosine > 1 - _SAME:
        said = "A caption and its swap have the same vector: no picture can tell them apart by this text tower."
        return outcome(name, "noted", said, cosine)
    said = f"A caption and its swap differ (cosine {cosine:.4f}); the same objects in another order: {same:.4f}."
    return outcome(name, "passed", said, cosine)


def case_canary(golden: Golden, info: EncoderInfo) -> ModelCheck:
    """Whether capitals change a vector."""
    name = "capital letters"
    if golden.texts is None:
        return outcome(name, "skipped", NOT_ASKED if info.reads("text") else "It reads no text.")
    cosine = float(row_cosines(golden.texts[[0]], golden.texts[[3]])[0])
    if cosine > 1 - _SAME:
        return outcome(name, "passed", "Capitals change nothing.", cosine)
    said = f"Capitals change the vector (cosine {cosine:.4f}): write captions in lower case."
    return outcome(name, "noted", said, cosine)


def activation(info: EncoderInfo) -> ModelCheck:
    """OpenAI's CLIP weights were trained with QuickGELU; loaded with GELU they answer, and answer wrongly."""
    name = "activation"
    try:
        config = json.loads(info.fingerprint.architecture)
    except ValueError:
        config = None
    if not isinstance(config, dict) or "clip" not in info.fingerprint.family:
        return outcome(name, "skipped", "Only CLIP models come in two activations.")
    quick = _quick_gelu(config)
    if _from_openai(info.id, config) and not quick:
        said = "OpenAI's weights were trained with QuickGELU and are loaded with GELU: use the quickgelu configuration."
        return outcome(name, "failed", said)
    kind = "QuickGELU" if quick else "GELU"
    parts = [part.get("hidden_act") for part in (config.get("text_config"), config.get("vision_config")) if part]
    if len(set(parts)) > 1:
        said = f"Its towers use different activations ({', '.join(map(str, parts))}): check the configuration."
        return outcome(name, "failed", said)
    return outcome(name, "passed", f"It uses {kind}. Golden vectors show whether its weights were trained with it.")


def padding(encoder: object, info: EncoderInfo) -> ModelCheck:
    """SigLIP reads texts filled up to its length, on the right. A wrong padding token shows in golden vectors."""
    name = "padding of texts"
    if "siglip" not in info.fingerprint.family:
        return outcome(name, "skipped", "Only SigLIP depends on how texts are filled up.")
    if not isinstance(encoder, TorchEncoder):
        return outcome(name, "skipped", "Its tokenizer is not known.")
    config = json.loads(info.fingerprint.architecture).get("text_config", {})
    ids = np.asarray(encoder.tokenized([TEXTS[4]])["input_ids"])[0].tolist()
    wanted = int(config.get("max_position_embeddings", 64))
    if len(ids) != wanted:
        said = f"Texts are filled up to {len(ids)} tokens, the model wants {wanted}: set padding to max_length."
        return outcome(name, "failed", said, float(len(ids)))
    filled = len(ids) - encoder.token_counts([TEXTS[4]])[0]
    tail = ids[len(ids) - filled :] if filled else []
    if filled and (len(set(tail)) > 1 or tail[0] == ids[0] == ids[filled - 1]):
        return outcome(name, "failed", "Texts are filled up on the left: set padding_side to right in its tokenizer.")
    return outcome(name, "passed", f"Texts are filled up to {wanted} tokens on the right.", float(wanted))


def length(encoder: object, info: EncoderInfo) -> ModelCheck:
    """Whether the captions of a scene fit."""
    name = "length of captions"
    if not is_asked(info):
        return outcome(name, "skipped", NOT_ASKED)
    if info.max_tokens is None or not isinstance(encoder, TokenCounter):
        return outcome(name, "skipped", "It has no limit that is known.")
    longest = max(encoder.token_counts([" and ".join([TEXTS[0]] * 2)]))
    if longest > info.max_tokens:
        said = f"A caption of four objects has {longest} tokens and it reads {info.max_tokens}: the rest is cut."
        return outcome(name, "warning", said, float(longest))
    said = f"A caption of four objects has {longest} of {info.max_tokens} tokens."
    return outcome(name, "passed", said, float(longest))


def _quick_gelu(config: dict[str, Any]) -> bool:
    """From an open_clip or a transformers configuration."""
    if "quick_gelu" in config:
        return bool(config["quick_gelu"])
    acts = {str((config.get(part) or {}).get("hidden_act")) for part in ("text_config", "vision_config")}
    return acts == {"quick_gelu"}


def _from_openai(model_id: str, config: dict[str, Any]) -> bool:
    """Whether the weights are OpenAI's, by what their publisher calls them. Random twins are not."""
    if model_id.startswith("open_clip:"):
        return "local-dir:" not in model_id and model_id.endswith("/openai")
    names = (model_id.removeprefix("hf:"), str(config.get("_name_or_path", "")))
    own = re.split(r"[/\\]", model_id)[-1].lower()
    return model_id.startswith("hf:") and (
        any(name.startswith("openai/") for name in names) or _OPENAI_FOLDER.fullmatch(own) is not None
    )
