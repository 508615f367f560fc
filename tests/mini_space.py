"""A small space that can be exhausted, and questions on it."""

import io

import numpy as np

MINI = "name: mini\nconcepts:\n  color: [red, blue, green, yellow]\n  shape: [square, circle, star]\n"


def ask(api, path, **body):
    answer = api.post(f"/v1/{path}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def refused(api, path, **body):
    answer = api.post(f"/v1/{path}", json=body)
    assert answer.status_code in (404, 422), answer.text
    return answer.json()["detail"]


def uploaded(api, model, keep=lambda scene: True):
    """The model's own vectors of all scenes of ``mini``, as another system would send them."""
    names = (["red", "blue", "green", "yellow"], ["square", "circle", "star"])
    objects = [(color, shape) for color in range(4) for shape in range(3)]
    scenes = [(a, b) for a in objects for b in objects if keep((a, b))]
    wire = [
        {"space": "mini", "objects": [{"values": {"color": names[0][c], "shape": names[1][s]}} for c, s in scene]}
        for scene in scenes
    ]
    vectors = np.array(ask(api, "embeddings", model=model, scenes=wire)["embeddings"], dtype=np.float32)
    file = io.BytesIO()
    np.savez(file, embeddings=vectors, scenes=np.array(scenes), values=np.array([4, 3]))
    answer = api.post("/v1/datasets", files={"file": ("mini.npz", file.getvalue(), "application/octet-stream")})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]
