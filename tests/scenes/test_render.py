import hashlib
import re

import numpy as np
import pytest

from bindscope.core.errors import InvalidInput
from bindscope.scenes.concepts import BUILTIN_SPACES, Concept, ConceptSpace
from bindscope.scenes.outlines import SHAPES, distance
from bindscope.scenes.render import BACKGROUND, OUTLINES, PALETTE, render, render_arrays, render_many
from bindscope.scenes.scene import Placed, Scene, random_scene, scene_in_slots

SPACE = BUILTIN_SPACES["shapes2d"]
DIGESTS = {
    64: "b68c4a7669de9656331a697ce239cf5d5d12c70840704b485ef106cd016e89b8",
    224: "1e5e872fd2c6fa95365a27625d46edaf6fa7031343d895ddb2a97dc394d63fa0",
    384: "e838c0e33c86b12e4285c2a9238c0f42f1e9c502c05970633ea60db3f8614438",
}


def gallery() -> list[Scene]:
    halves = ([(i, i) for i in range(5)], [(i, i) for i in range(5, 10)])
    return [scene_in_slots(SPACE, half) for half in halves]


@pytest.mark.parametrize("pixels", [64, 224, 384])
def test_every_shape_is_drawn_to_the_same_bits_everywhere(pixels: int) -> None:
    assert hashlib.sha256(render_many(gallery(), pixels).tobytes()).hexdigest() == DIGESTS[pixels]


def test_the_three_resolutions_show_the_same_picture() -> None:
    for scene in gallery():
        small = render(scene, 64).astype(float)
        large = render(scene, 384).reshape(64, 6, 64, 6, 3).mean((1, 3))
        assert np.abs(small - large).max() < 60
        assert np.abs(small - large).mean() < 0.6


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_fills_its_square_and_stays_inside(shape: str) -> None:
    number = SPACE.concept("shape").index[shape]
    picture = render(Scene(SPACE, (Placed((6, number), 0.5, 0.5, 0.5),)), 256)
    inked = (picture != BACKGROUND).any(-1)
    rows, columns = np.flatnonzero(inked.any(1)), np.flatnonzero(inked.any(0))
    assert rows[0] >= 64
    assert rows[-1] < 192
    assert columns[0] >= 64
    assert columns[-1] < 192
    assert max(rows[-1] - rows[0], columns[-1] - columns[0]) > 120


def test_the_middle_of_a_disc_has_the_palette_colour() -> None:
    for number, name in enumerate(SPACE.concept("color").values):
        picture = render(Scene(SPACE, (Placed((number, 1), 0.3, 0.6, 0.3),)), 100)
        assert tuple(picture[60, 30]) == PALETTE[name]
        assert tuple(picture[0, 0]) == BACKGROUND


def test_colours_lie_apart_from_each_other_and_from_the_background() -> None:
    colours = np.array([*PALETTE.values(), BACKGROUND], dtype=float)
    apart = np.linalg.norm(colours[:, None] - colours[None], axis=-1) + 1e3 * np.eye(len(colours))
    assert apart.min() > 45


def test_the_order_of_objects_changes_no_pixel_even_where_they_touch() -> None:
    left, right = Placed((0, 0), 0.305, 0.5, 0.3), Placed((6, 0), 0.605, 0.5, 0.3)
    assert np.array_equal(render(Scene(SPACE, (left, right)), 64), render(Scene(SPACE, (right, left)), 64))


def test_value_names_decide_and_not_their_numbers() -> None:
    own = ConceptSpace(
        "own",
        (Concept("shape", ("ring", "square")), Concept("color", ("pink", "red"))),
        "a {color} {shape}",
        renderable=True,
    )
    ours = scene_in_slots(SPACE, [SPACE.index({"color": "red", "shape": "ring"})])
    theirs = scene_in_slots(own, [own.index({"color": "red", "shape": "ring"})])
    assert np.array_equal(render(ours, 64), render(theirs, 64))


def test_the_array_form_draws_what_the_scene_form_draws() -> None:
    rng = np.random.default_rng(3)
    scenes = [random_scene(SPACE, 3, rng) for _ in range(20)]
    names = [[SPACE.named(v) for v in s.values] for s in scenes]
    drawn = render_arrays(
        [[n["color"] for n in row] for row in names],
        [[n["shape"] for n in row] for row in names],
        places=np.array([[(o.x, o.y, o.size) for o in s.objects] for s in scenes]),
        pixels=64,
    )
    assert np.array_equal(drawn, render_many(scenes, 64))


@pytest.mark.parametrize("pixels", [0, 15, 1025])
def test_a_picture_size_out_of_range_is_refused(pixels: int) -> None:
    with pytest.raises(InvalidInput, match="between 16 and 1024"):
        render(gallery()[0], pixels)


def test_a_space_of_words_has_no_pictures() -> None:
    with pytest.raises(InvalidInput, match="cannot be drawn"):
        render(scene_in_slots(BUILTIN_SPACES["words"], [(0, 0)]), 64)


def test_the_smallest_shape_in_the_smallest_picture_leaves_a_mark() -> None:
    for number in range(10):
        picture = render(Scene(SPACE, (Placed((6, number), 0.04, 0.04, 0.08),)), 16)
        assert (picture != BACKGROUND).any()


def arc(start: complex, end: complex, *, radius: float, large: bool, sweep: bool) -> list[complex]:
    half = (end - start) / 2
    height = np.sqrt(max(0.0, radius**2 - abs(half) ** 2))
    centre = start + half + half / abs(half) * 1j * height * (1 if large != sweep else -1)
    first, last = np.angle(start - centre), np.angle(end - centre)
    turn = (last - first) % (2 * np.pi) if sweep else -((first - last) % (2 * np.pi))
    return [centre + radius * np.exp(1j * (first + turn * t)) for t in np.linspace(0, 1, 200)]


def area(path: str) -> float:
    total = 0.0
    for part in path.split("Z")[:-1]:
        points: list[complex] = []
        for letter, rest in re.findall(r"([MLA])([^MLA]*)", part):
            numbers = [float(n) for n in re.split(r"[ ,]+", rest.strip())]
            end = complex(*numbers[-2:])
            if letter == "A":
                points += arc(points[-1], end, radius=numbers[0], large=numbers[3] > 0, sweep=numbers[4] > 0)
            else:
                points.append(end)
        x, y = np.real(points), np.imag(points)
        total += float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))) / 2
    return abs(total)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_svg_outline_encloses_the_drawn_area(shape: str) -> None:
    line = (np.arange(400) + 0.5) / 400 - 0.5
    x, y = np.meshgrid(line, line)
    drawn = float((distance(shape, x, y) < 0).mean())
    assert area(OUTLINES[shape]) == pytest.approx(drawn, abs=0.004)
