"""An upload whose pictures and texts hold who owns what: in one shared code that each side has turned, or in tables."""

import io

import numpy as np

SIZE = 8
VALUES = {
    "color": ["red", "blue", "green", "yellow", "purple", "orange", "pink", "brown"],
    "shape": ["square", "circle", "triangle", "diamond", "pentagon", "star", "heart", "cross"],
}


def space(name):
    return {"name": name, "concepts": VALUES, "phrase": "a {color} {shape}"}


def upload(texts, *, shared=True, seed=0, rows=None):
    """``texts``: those that the space asks for, in its order: captions of all ordered scenes, objects, concept values.
    ``rows``: some of the scenes, in place of all of them."""
    rng = np.random.default_rng(seed)
    dim, rank, count = 24, 8, SIZE**2
    objects = np.stack(np.unravel_index(np.arange(count), (SIZE, SIZE)), axis=1)

    def gauss(*shape):
        return rng.standard_normal(shape) / np.sqrt(shape[-1])

    concepts = [gauss(SIZE, dim) for _ in VALUES]
    plain = sum(own[objects[:, k]] for k, own in enumerate(concepts))
    factors = [own - own.mean(0) for own in (gauss(SIZE, rank) for _ in VALUES)]
    code = np.prod([own[objects[:, k]] for k, own in enumerate(factors)], axis=0)
    code /= np.linalg.norm(code, axis=1).mean()
    turns = [np.linalg.qr(gauss(dim, dim))[0][:rank] for _ in range(2)]
    image, text = (plain + 0.7 * (code @ turn if shared else gauss(count, dim)) for turn in turns)
    pairs = np.stack(np.unravel_index(np.arange(count**2), (count, count)), axis=1)
    said = np.concatenate([text[pairs].sum(1), text, *concepts])
    assert len(said) == len(texts)
    pairs = pairs if rows is None else pairs[rows]
    seen = image[pairs].sum(1)
    seen, said = (own + 0.02 * gauss(*own.shape) for own in (seen, said))
    file = io.BytesIO()
    np.savez(
        file,
        embeddings=seen.astype(np.float32),
        scenes=objects[pairs],
        values=np.array([SIZE, SIZE]),
        names=np.array(list(VALUES)),
        texts=np.array(texts),
        text_embeddings=said.astype(np.float32),
    )
    return file.getvalue()
