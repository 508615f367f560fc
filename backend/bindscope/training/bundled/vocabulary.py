"""A small word-level vocabulary that knows the words of every built-in space and template."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from bindscope.scenes.captions import TEMPLATES
from bindscope.scenes.concepts import BUILTIN_SPACES

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

PAD, UNKNOWN, START, END = "[PAD]", "[UNK]", "[BOS]", "[EOS]"


def _words() -> list[str]:
    words = ["a", "an", "and", "the", "with", "one", "next", "to", "left", "right", "of", "above", "below"]
    for template in TEMPLATES.values():
        words += template.lower().replace("{}", " ").replace(".", " . ").split()
    for space in BUILTIN_SPACES.values():
        for concept in space.concepts:
            words += [word for value in concept.values for word in value.lower().split()]
    return list(dict.fromkeys(words))


#: Word -> id. The end mark has the highest id: open_clip's default pooling reads the text there.
WORD_IDS: Mapping[str, int] = {word: i for i, word in enumerate([PAD, UNKNOWN, START, *_words(), END])}


def build_tokenizer(context_length: int) -> "PreTrainedTokenizerFast":
    """A fast tokenizer: lower case, words and punctuation apart, unknown words to one id, marks at both ends."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(models.WordLevel(dict(WORD_IDS), unk_token=UNKNOWN))
    inner.normalizer = normalizers.Lowercase()
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    marks = [(mark, WORD_IDS[mark]) for mark in (START, END)]
    inner.post_processor = processors.TemplateProcessing(single=f"{START} $A {END}", special_tokens=marks)
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        pad_token=PAD,
        unk_token=UNKNOWN,
        bos_token=START,
        eos_token=END,
        model_max_length=context_length,
        padding_side="right",
        truncation_side="right",
    )
