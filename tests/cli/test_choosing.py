import json

import numpy as np
import pytest


def test_retrieval_prints_recall_and_twins(bindscope):
    done = bindscope("retrieve", "-m", "synthetic:product", "--queries", "20", "--k", "5")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("It finds the right scene.")
    for words in ("right before its twin", "chance 0.5", "recall@1", "swapped twin first"):
        assert words in done.stdout


def test_captions_from_standard_input_are_compared(bindscope):
    typed = "a red square and a blue circle\na blue square and a red circle\n"
    done = bindscope("near-duplicates", "-", "-m", "synthetic:order-blind", "--json", stdin=typed)
    assert json.loads(done.stdout)["total"] == 1


def test_a_repair_is_written_to_a_file(bindscope, tmp_path):
    out = tmp_path / "map.npz"
    done = bindscope("repair", "-m", "bundled:tiny-split", "--limit", "900", "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert "On unseen objects the true caption beats the swapped one" in done.stdout
    assert "mean removed" in done.stdout
    with np.load(out, allow_pickle=False) as saved:
        assert saved["A"].shape[0] == saved["A"].shape[1]
        assert 0 < float(saved["t"]) <= 1


def test_no_file_is_written_where_no_map_is_kept(bindscope, tmp_path):
    out = tmp_path / "map.npz"
    done = bindscope("repair", "-m", "synthetic:additive", "--limit", "700", "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert "Nothing to repair" in done.stdout
    assert "was not written" in done.stderr
    assert not out.exists()


def test_a_board_is_printed_with_its_pairs(bindscope):
    done = bindscope(*("compare", "-m", "synthetic:bag", "-m", "synthetic:additive", "--count", "60", "--limit", "60"))
    assert done.returncode == 0, done.stderr
    assert "synthetic:additive leads" in done.stdout
    assert "not separable from chance" in done.stdout
    assert "synthetic:additive is better than synthetic:bag" in done.stdout
    assert "sign-flip" in done.stdout


def test_models_with_another_anchor_are_printed_in_a_table_of_their_own(bindscope):
    models = ("-m", "synthetic:additive", "-m", "bundled:all-minilm-l6-v2")
    done = bindscope("compare", *models, "--count", "20", "--limit", "60")
    assert done.returncode == 0, done.stderr
    assert "Pictures with captions: " in done.stdout
    assert "Captions with captions: " in done.stdout
    assert "have no common rank" in done.stdout
    assert "sign-flip, Holm" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("retrieve", "-m", "synthetic:bag", "--k", "900"), "choose k"),
        (("near-duplicates", "-m", "synthetic:bag"), "--space"),
        (("repair", "-m", "bundled:all-minilm-l6-v2"), "needs both"),
        (("repair", "-m", "bundled:tiny-bag", "-s", "clevr2d"), "at least 20 sets of values"),
    ],
)
def test_wrong_arguments_are_one_sentence(bindscope, arguments, words):
    wrong = bindscope(*arguments)
    assert wrong.returncode == 1
    assert words in wrong.stderr
