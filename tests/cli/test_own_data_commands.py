import json

import numpy as np
import pytest

from own_data import FOLDER_NAME, PAIRS, write_folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("own") / FOLDER_NAME, PAIRS[:40])


def test_a_folder_of_pictures_is_checked_added_embedded_and_taken_away(bindscope, folder):
    looked = bindscope("data", "add", folder, "--check")
    assert looked.returncode == 0, looked.stderr
    assert "40 scenes of 2 objects" in looked.stdout
    assert "color: red" in looked.stdout
    added = json.loads(bindscope("data", "add", folder, "--json").stdout)
    assert added["id"] in bindscope("data", "list").stdout
    done = bindscope("data", "embed", added["id"])
    assert "40 pictures, 0 of them were known" in done.stdout, done.stderr
    assert bindscope("data", "delete", added["id"]).returncode == 0
    assert added["id"] not in bindscope("data", "list").stdout


def test_a_fault_is_one_sentence_and_exit_1(bindscope, folder, tmp_path):
    broken = write_folder(tmp_path / "broken", PAIRS[:4])
    (broken / "images" / "0000002.png").unlink()
    done = bindscope("data", "add", broken)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("bindscope: labels.csv names 1 pictures that are not in the archive")


def test_texts_of_another_system_become_a_model(bindscope, tmp_path):
    lines = bindscope("texts", "--space", "clevr2d").stdout.splitlines()
    assert "a blue square and a blue triangle" in lines
    table = tmp_path / "texts.csv"
    table.write_text("\n".join(["text", *lines]), encoding="utf-8")
    np.save(tmp_path / "vectors.npy", np.random.default_rng(0).standard_normal((len(lines), 12)).astype(np.float32))
    added = bindscope("data", "add", tmp_path / "vectors.npy", "--labels", table)
    assert f"{len(lines):,} texts (model precomputed:" in added.stdout, added.stderr


def test_a_photo_gets_the_exchanged_caption(bindscope, folder):
    picture = folder / "images" / "0000005.png"
    done = bindscope("photo", picture, "a red square and a blue circle")
    assert done.returncode == 0, done.stderr
    assert "a blue square and a red circle" in done.stdout
    failed = bindscope("photo", picture, "a dog")
    assert failed.returncode == 1
    assert "give the other caption" in failed.stderr


def test_a_public_test_is_scored_from_its_folder(bindscope, folder):
    item = {"filename": "0000005.png", "caption": "a red square and a blue circle"}
    items = {"0": {**item, "negative_caption": "a blue square and a red circle"}}
    (folder / "swap_att.json").write_text(json.dumps(items), encoding="utf-8")
    done = bindscope("caption-tests", folder, "--model", "bundled:tiny-bind")
    assert done.returncode == 0, done.stderr
    assert "sugarcrepe: 1 items" in done.stdout
    assert "same words, other order" in done.stdout


def test_a_check_of_a_model_is_told_in_lines_and_its_exit_code(bindscope):
    done = bindscope("models", "check", "bundled:tiny-bag")
    assert done.returncode == 0, done.stderr
    assert "bundled:tiny-bag: passed" in done.stdout
    assert json.loads(bindscope("models", "check", "synthetic:bag", "--json").stdout)["state"] == "passed"
    assert bindscope("models", "check", "no:such").returncode == 1


def test_what_a_bundle_of_somebody_says_does_not_reach_the_terminal_raw(bindscope, tmp_path):
    from bindscope.client.bundles import Bundle

    file = tmp_path / "bundle.zip"
    file.write_bytes(Bundle("probe", {"model": "\x1b[2Jgone"}, "2026-01-01", "1").to_bytes())
    done = bindscope("bundle", file)
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    assert "gone" in done.stdout
