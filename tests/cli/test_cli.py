import json
import subprocess
import sys

import numpy as np
import pytest

from command_line import started


@pytest.fixture
def run(bindscope):
    """The command, which ends with this code."""

    def call(*arguments, code=0, stdin=""):
        done = bindscope(*arguments, stdin=stdin)
        assert done.returncode == code, done.stderr + done.stdout
        return done

    return call


def test_the_client_needs_only_the_light_packages() -> None:
    code = (
        "import sys; from bindscope.client import BindscopeClient; "
        "heavy = {'torch', 'open_clip', 'fastapi', 'redis', 'typer', 'pydantic_settings'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_models_are_listed(run) -> None:
    assert "synthetic:order-blind" in run("models").stdout


def test_a_verdict_prints_the_same_json_as_the_api(run) -> None:
    done = run("verdict", "red square", "blue circle", "--model", "synthetic:additive", "--json")
    assert json.loads(done.stdout)["diagnosis"] == "binds"
    told = run("verdict", "red square", "blue circle", "--model", "synthetic:additive")
    assert told.stdout.startswith("binds: It knows which is which")


def test_embed_writes_an_array(run, tmp_path) -> None:
    target = tmp_path / "vectors.npy"
    run("embed", "a red square", "a blue circle", "--model", "synthetic:bag", "--out", str(target))
    assert np.load(target, allow_pickle=False).shape[0] == 2
    lines = run("embed", "-", "--model", "synthetic:bag", "--json", stdin="one\ntwo\nthree\n").stdout
    assert len(json.loads(lines)["embeddings"]) == 3


def test_check_is_a_gate(run) -> None:
    run("check", "--model", "synthetic:additive", "--count", "40")
    done = run("check", "--model", "synthetic:bag", "--count", "40", code=1)
    assert "FAILED" in done.stdout


def test_the_geometry_of_an_upload_is_told_in_a_few_lines(run, tmp_path) -> None:
    rng = np.random.default_rng(0)
    scenes = rng.integers(0, 3, (150, 2, 2))
    codes = rng.standard_normal((2, 9, 24))
    ids = scenes[..., 0] * 3 + scenes[..., 1]
    np.savez(
        tmp_path / "world.npz",
        embeddings=(codes[0][ids[:, 0]] + codes[1][ids[:, 1]]).astype(np.float32),
        scenes=scenes,
        values=np.array([3, 3]),
    )
    source = ("--dataset", str(tmp_path / "world.npz"))
    told = run("probe", *source).stdout
    assert "object_on_valid_swaps" in told
    assert "of these vectors" in told or "from these vectors" in told
    told = json.loads(run("decompose", *source, "--json").stdout)
    assert told["r2"]["test"] > 0.99
    removed = run("remove", *source).stdout
    assert "random_subspace_objects" in removed
    assert "seem to bind" in removed
    edited = run("intervene", *source).stdout
    assert "the edited vectors" in edited
    assert "as published" in edited


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("verdict", "red square", "--model", "synthetic:nope"), "Unknown model"),
        (("verdict", "crimson square", "--model", "synthetic:bag"), "must name one color"),
        (("verdict", "red square", "--space", "mars"), "Unknown space"),
        (("embed",), "Give texts or --image"),
        (("probe",), "Give --model"),
        (("decompose", "--dataset", "gone.npz"), "No such file"),
        (("models", "--url", "http://127.0.0.1:9"), "No Bindscope service answers"),
    ],
)
def test_an_error_is_one_sentence_and_exit_code_1(run, arguments, part) -> None:
    done = run(*arguments, code=1)
    assert part in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_command_without_a_service_starts_its_own_and_ends_it(tmp_path) -> None:
    done = started("verdict", "red square", "blue circle", "--model", "synthetic:additive", data_dir=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("binds: It knows which is which")
    assert done.stderr == ""


def test_a_setting_that_cannot_be_read_is_named_in_one_sentence(tmp_path) -> None:
    done = started("models", data_dir=tmp_path, BINDSCOPE_THREADS="many")
    assert done.returncode == 1
    assert done.stderr.startswith("bindscope: BINDSCOPE_THREADS: ")
    assert done.stderr.count("\n") == 1


def test_a_place_that_cannot_be_written_is_named_in_one_sentence(run, tmp_path) -> None:
    place = str(tmp_path / "none" / "x.npy")
    assert place in run("embed", "a", "--model", "synthetic:bag", "--out", place, code=1).stderr


def test_vectors_go_to_the_very_file_that_was_named(run, tmp_path) -> None:
    place = tmp_path / "vectors"
    run("embed", "a", "--model", "synthetic:bag", "--out", str(place))
    assert np.load(place).shape[0] == 1


def test_a_port_that_does_not_exist_is_wrong_usage(run) -> None:
    assert "65535" in run("serve", "--port", "99999", code=2).stderr


def test_a_dataset_that_is_neither_an_id_nor_a_file_is_refused(run) -> None:
    assert "neither" in run("probe", "--dataset", "world.csv", code=1).stderr
