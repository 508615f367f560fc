"""One photo and two captions; and the public tests in the formats that their authors publish."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from bindscope.scenes.captions import Captioner
from bindscope.scenes.contests import valid_swaps
from bindscope.scenes.scene import scene_in_slots
from own_data import PAIRS, SPACE, png, zipped

MODEL = "bundled:tiny-bind"
ABLE = [pair for pair in PAIRS if valid_swaps(pair)][::7]
SAY = Captioner()


def captions(pair):
    return SAY.caption(SPACE, pair), SAY.caption(SPACE, valid_swaps(pair)[0].objects)


def picture(pair) -> bytes:
    return png(scene_in_slots(SPACE, pair))


def ask(api, model=MODEL, pair=ABLE[0], texts=None, image=None):
    photo = base64.b64encode(image or picture(pair)).decode()
    body = {"model": model, "image": photo, "captions": list(texts or captions(pair))}
    return api.post("/v1/photos/verdict", json=body)


def sugarcrepe() -> dict[str, bytes]:
    items = {str(n): dict(zip(("caption", "negative_caption"), captions(p), strict=True), filename=f"{n:012d}.jpg")
             for n, p in enumerate(ABLE)}  # fmt: skip
    other = {"0": {"filename": "000000000000.jpg", "caption": captions(ABLE[0])[0], "negative_caption": "a green cow"}}
    files = {f"images/{n:012d}.jpg": jpeg(p) for n, p in enumerate(ABLE)}
    return {"swap_att.json": json.dumps(items), "replace_obj.json": json.dumps(other), **files}


def jpeg(pair) -> bytes:
    file = io.BytesIO()
    Image.open(io.BytesIO(picture(pair))).save(file, format="JPEG", quality=95)
    return file.getvalue()


def winoground() -> dict[str, bytes]:
    lines = []
    files = {}
    for n, pair in enumerate(ABLE):
        one, other = captions(pair)
        swapped = valid_swaps(pair)[0].objects
        files[f"images/ex_{n}_img_0.png"], files[f"images/ex_{n}_img_1.png"] = picture(pair), picture(swapped)
        item = {"id": n, "image_0": f"ex_{n}_img_0", "image_1": f"ex_{n}_img_1", "caption_0": one, "caption_1": other}
        lines.append(json.dumps({**item, "tag": "Adjective", "collapsed_tag": "Object"}))
    return {"examples.jsonl": "\n".join(lines), **files}


def aro() -> dict[str, bytes]:
    items = []
    files = {}
    for n, pair in enumerate(ABLE):
        true, false = captions(pair)
        framed = np.zeros((100, 120, 3), np.uint8)
        framed[20:84, 30:94] = np.asarray(Image.open(io.BytesIO(picture(pair))))
        file = io.BytesIO()
        Image.fromarray(framed).save(file, format="PNG")
        files[f"vg/{n}.png"] = file.getvalue()
        box = {"bbox_x": 30, "bbox_y": 20, "bbox_w": 64, "bbox_h": 64}
        items.append({"image_id": n, "image_path": f"{n}.png", "true_caption": true, "false_caption": false, **box})
    return {"visual_genome_attribution.json": json.dumps(items), **files}


def run(api, members, model=MODEL, lines=False):
    headers = {"Accept": "application/x-ndjson"} if lines else {}
    files = {"file": ("t.zip", zipped(members))}
    return api.post("/v1/caption-tests", files=files, data={"model": model}, headers=headers)


def test_a_photo_is_judged_and_the_margin_turns_with_the_captions(api) -> None:
    one = ask(api)
    assert one.status_code == 200, one.text
    first = one.json()
    assert first["same_words"]
    assert first["scores"][0] - first["scores"][1] == pytest.approx(first["margin"])
    turned = ask(api, texts=captions(ABLE[0])[::-1]).json()
    assert turned["margin"] == pytest.approx(-first["margin"], abs=1e-6)
    assert {first["outcome"], turned["outcome"]} in ({"binds", "swaps"}, {"undecided"})


def test_equal_captions_are_no_contest_and_a_long_one_is_said_to_be_cut(api) -> None:
    text = captions(ABLE[0])[0]
    assert ask(api, texts=[text, text]).json()["outcome"] == "no_valid_swap"
    assert ask(api, texts=[text, "a red square " * 90]).json()["cut"] == [False, True]


def test_nothing_of_a_photo_is_kept(api, settings) -> None:
    before = api.get("/metrics").text
    noise = np.random.default_rng(5).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, format="PNG")
    ask(api, image=file.getvalue(), texts=["a very private caption", "another private caption"])
    after = api.get("/metrics").text

    def cache(text):
        names = ("bindscope_cache_hits", "bindscope_cache_misses")
        return sorted(line for line in text.splitlines() if line.startswith(names))

    assert cache(before) == cache(after)
    body = {"model": MODEL, "images": [base64.b64encode(file.getvalue()).decode()]}
    assert api.post("/v1/embeddings", json=body).json()["cached"] == 0
    assert api.post("/v1/embeddings", json={"model": MODEL, "texts": ["a very private caption"]}).json()["cached"] == 0


@pytest.mark.parametrize(("model", "part"), [("synthetic:bag", "scenes, not pixels"), ("no:such", "Unknown model")])
def test_a_model_that_sees_no_photo_says_what_it_reads(api, model, part) -> None:
    answer = ask(api, model=model)
    assert answer.status_code in (404, 422)
    assert part in answer.json()["detail"]


def test_an_address_instead_of_a_photo_is_refused(api) -> None:
    body = {"model": MODEL, "image": "https://example.org/a.png", "captions": ["a", "b"]}
    answer = api.post("/v1/photos/verdict", json=body)
    assert answer.status_code == 422
    assert "fetches nothing" in answer.json()["detail"]


def test_sugarcrepe_has_a_row_for_each_file_and_one_for_equal_words(api) -> None:
    found = run(api, sugarcrepe())
    assert found.status_code == 200, found.text
    body = found.json()
    assert body["format"] == "sugarcrepe"
    rows = {row["name"]: row for row in body["rows"]}
    assert set(rows) == {"swap_att", "replace_obj", "all items", "same words, other order"}
    assert rows["same words, other order"]["accuracy"]["n"] == len(ABLE)
    assert rows["all items"]["accuracy"]["n"] == len(ABLE) + 1
    assert rows["swap_att"]["accuracy"]["value"] > rows["swap_att"]["blind"]["value"]
    for item in body["items"]:
        assert (item["margin"] > body["noise_floor"]) == (item["outcome"] == "right")


def test_the_score_of_an_item_is_that_of_its_photo(api) -> None:
    one = run(api, winoground()).json()["items"][3]
    verdict = ask(api, pair=ABLE[3]).json()
    assert one["margin"] <= verdict["margin"] + 1e-5


def test_winoground_has_text_image_and_group_scores(api) -> None:
    body = run(api, winoground(), lines=True).text.splitlines()
    steps = [json.loads(line) for line in body]
    assert steps[0]["progress"] == {"done": 0, "total": len(ABLE)}
    result = steps[-1]["result"]
    row = result["rows"][0]
    assert row["name"] == "Object"
    assert row["group"]["value"] <= min(row["accuracy"]["value"], row["image"]["value"])
    assert row["group"]["value"] > 0.3
    assert row["blind"]["value"] == 0


def test_aro_cuts_its_boxes_out(api) -> None:
    boxed = run(api, aro()).json()
    assert boxed["format"] == "aro"
    margins = [item["margin"] for item in boxed["items"]]
    alone = [ask(api, pair=pair).json()["margin"] for pair in ABLE[:3]]
    assert margins[:3] == pytest.approx(alone, abs=1e-5)


def test_a_bag_gets_nothing_right_where_the_words_are_equal(api) -> None:
    rows = run(api, sugarcrepe(), model="bundled:tiny-bag").json()["rows"]
    order = next(row for row in rows if row["kind"] == "order_only")
    bind = next(row for row in run(api, sugarcrepe()).json()["rows"] if row["kind"] == "order_only")
    assert order["accuracy"]["value"] < bind["accuracy"]["value"]


def test_winoground_as_parquet_with_pictures_inside_is_the_same(api) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    members = winoground()
    rows = [json.loads(line) for line in members["examples.jsonl"].splitlines()]
    for row in rows:
        for key in ("image_0", "image_1"):
            row[key] = {"bytes": members[f"images/{row[key]}.png"], "path": None}
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), file)
    one, other = run(api, {"test.parquet": file.getvalue()}).json(), run(api, members).json()
    assert [i["margin"] for i in one["items"]] == [i["margin"] for i in other["items"]]


CREPE = {"caption": "a", "negative_caption": "b", "filename": "a.png"}
BOX = {"bbox_x": 900, "bbox_y": 0, "bbox_w": 9, "bbox_h": 9}
BOXED = {"true_caption": "a", "false_caption": "b", "image_path": "a.png", **BOX}
ITEMS = json.dumps([CREPE])
TWICE = json.dumps([{"id": 1, **CREPE}, {"id": 1, **CREPE}])
BAD = {
    "no items": ({"a.png": b""}, "no .json"),
    "another format": ({"x.json": '[{"question": "?"}]'}, "none of the known formats"),
    "a missing caption": ({"x.json": json.dumps([{**CREPE, "negative_caption": ""}])}, "item 1: 'negative_caption'"),
    "missing pictures": ({"x.json": ITEMS}, "1 pictures are not in the archive: 'a.png'"),
    "two files of a name": ({"x.json": ITEMS, "1/a.png": b"", "2/a.png": b""}, "fit several files"),
    "an id twice": ({"x.json": TWICE}, "1 ids occur twice: 1"),
    "not json": ({"x.jsonl": '{"a": 1}\n{"b"'}, "x.jsonl, line 2: not JSON"),
    "not utf-8": ({"x.json": b'[{"caption": "\xff"}]'}, "x.json, line 1: not UTF-8"),
    "a box outside": ({"x.json": json.dumps([BOXED]), "a.png": picture(ABLE[0])}, "lies outside"),
    "a broken picture": ({"x.json": ITEMS, "a.png": b"none"}, "Picture 'a.png' is not a PNG"),
}


@pytest.mark.parametrize("name", list(BAD))
def test_a_bad_test_names_the_file_or_item(api, name) -> None:
    members, part = BAD[name]
    answer = run(api, members)
    assert answer.status_code == 422, answer.text
    assert part in answer.json()["detail"]
