"""Small uploads in the forms that people bring, drawn by the project's own renderer."""

import io
import zipfile

import numpy as np
from PIL import Image

from bindscope.scenes.concepts import Concept, ConceptSpace
from bindscope.scenes.render import render
from bindscope.scenes.scene import scene_in_slots

COLOR = Concept("color", ("red", "blue", "green", "yellow"))
SHAPE = Concept("shape", ("square", "circle", "star", "heart"))
SPACE = ConceptSpace("toy", (COLOR, SHAPE), "a {color} {shape}", renderable=True)
#: All ordered pairs of different objects.
PAIRS = [(a, b) for a in SPACE.objects() for b in SPACE.objects() if a != b]
HEADER = "filename,object1_color,object1_shape,object2_color,object2_shape"


def png(scene, pixels=64) -> bytes:
    file = io.BytesIO()
    Image.fromarray(render(scene, pixels)).save(file, format="PNG")
    return file.getvalue()


def rows(pairs=None) -> list[str]:
    listed = []
    for number, pair in enumerate(PAIRS if pairs is None else pairs):
        names = [SPACE.concepts[k].values[o[k]] for o in pair for k in range(2)]
        listed.append(f"{number:07d}.png,{','.join(names)}")
    return listed


def table(pairs=None, header=HEADER) -> bytes:
    return "\n".join([header, *rows(pairs)]).encode()


def pictures(pairs=None) -> dict[str, bytes]:
    own = PAIRS if pairs is None else pairs
    return {f"images/{n:07d}.png": png(scene_in_slots(SPACE, pair)) for n, pair in enumerate(own)}


def zipped(members, deflated=False) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED) as archive:
        for name, body in members.items():
            archive.writestr(name, body)
    return file.getvalue()


def picture_zip(pairs=None, **more) -> bytes:
    return zipped({"labels.csv": table(pairs), **pictures(pairs), **more})


def npy(array) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


FOLDER_NAME = "toy"


def write_folder(folder, pairs):
    """The same as files: labels.csv and images/."""
    (folder / "images").mkdir(parents=True)
    (folder / "labels.csv").write_bytes(table(pairs))
    for name, body in pictures(pairs).items():
        (folder / name).write_bytes(body)
    return folder
