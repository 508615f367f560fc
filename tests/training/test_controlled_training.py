import json
from dataclasses import asdict, replace
from math import log
from pathlib import Path

import numpy as np
import pytest
import torch

from bindscope.analysis.verdict import recognise
from bindscope.core.errors import Cancelled, Conflict, InvalidInput, ModelUnavailable, UnknownName
from bindscope.models.controlled import build_model
from bindscope.scenes.concepts import BUILTIN_SPACES, ConceptSpace, grid_space
from bindscope.scenes.controlled import (
    PHASE_PRESETS,
    PRESETS,
    ControlledConfig,
    preset,
    read_definition,
    run_definition,
)
from bindscope.scenes.labels import SceneLabels
from bindscope.store.artifacts import ArtifactFolder, Artifacts
from bindscope.training.controlled.data import scenes_of
from bindscope.training.controlled.evaluation import encode_all_queries, encode_scenes, labels_of, recognition
from bindscope.training.controlled.memory import parameter_count
from bindscope.training.controlled.probes import query_probes
from bindscope.training.controlled.run import Run
from bindscope.training.controlled.train import (
    Progress,
    RunResult,
    check_partition,
    finished_run,
    memory_needed,
    scene_vectors,
)
from bindscope.training.controlled.train import train_controlled as train

TINY = ControlledConfig(
    space="grid-2x4",
    coverage=0.7,
    width=16,
    layers=2,
    heads=2,
    feedforward=32,
    dim=12,
    steps=20,
    batch=24,
    learning_rate=3e-3,
    evaluate_every=5,
    checkpoint_every=7,
    evaluation_scenes=40,
    test_scenes=30,
)
PUBLISHED_FORM = {"tokens": "values", "activation": "gelu", "positions": "sinusoids"}
PICTURES = replace(TINY, space="clevr2d", inputs="images", pixels=32, batch=8, steps=6, evaluate_every=3)


def space_of(config: ControlledConfig) -> ConceptSpace:
    return grid_space(config.space) or BUILTIN_SPACES[config.space]


def nothing(progress: Progress) -> None:
    pass


def stop_at(step: int) -> object:
    def report(progress: Progress) -> None:
        if progress.step >= step:
            raise Cancelled("stopped")

    return report


@pytest.fixture
def folder(tmp_path: Path) -> ArtifactFolder:
    return Artifacts(str(tmp_path)).folder("runs", "one")


@pytest.fixture
def other(tmp_path: Path) -> ArtifactFolder:
    return Artifacts(str(tmp_path)).folder("runs", "other")


@pytest.fixture
def every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bindscope.training.controlled.train._REPORT_SECONDS", 0.0)


def without_times(result: RunResult) -> dict[str, object]:
    return asdict(replace(result, seconds=0.0))


@pytest.mark.parametrize(
    "config",
    [TINY, replace(TINY, steps=8, **PUBLISHED_FORM), PICTURES],  # type: ignore[arg-type]
    ids=["tokens", "published form", "pictures"],
)
def test_a_stopped_run_goes_on_to_the_same_bits(
    config: ControlledConfig, folder: ArtifactFolder, other: ArtifactFolder, every_step: None
) -> None:
    space = space_of(config)
    whole = train(config, space, folder=folder, report=nothing)
    for step in (config.steps // 2, config.steps // 2 + 1, config.steps):
        with pytest.raises(Cancelled):
            train(config, space, folder=other, report=stop_at(step))  # type: ignore[arg-type]
    parts = train(config, space, folder=other, report=nothing)
    assert without_times(parts) == without_times(whole)
    assert folder.read("model.safetensors") == other.read("model.safetensors")


def test_a_run_that_was_killed_goes_on_from_its_last_checkpoint(
    folder: ArtifactFolder, other: ArtifactFolder, every_step: None
) -> None:
    def killed(progress: Progress) -> None:
        if progress.step == 17:
            raise KeyboardInterrupt

    space = space_of(TINY)
    whole = train(TINY, space, folder=folder, report=nothing)
    with pytest.raises(KeyboardInterrupt):
        train(TINY, space, folder=other, report=killed)
    assert without_times(train(TINY, space, folder=other, report=nothing)) == without_times(whole)


def test_a_finished_run_is_returned_at_once(folder: ArtifactFolder) -> None:
    first = train(TINY, space_of(TINY), folder=folder, report=nothing)

    def never(progress: Progress) -> None:
        raise AssertionError("it trained again")

    assert train(TINY, space_of(TINY), folder=folder, report=never) == first
    assert finished_run(folder) == first
    assert json.loads(folder.read("result.json"))["unseen"]["object"]["n"] > 0


@pytest.mark.parametrize("ahead", [3, 11, 19])
def test_two_that_train_one_run_in_one_folder_end_with_the_same_run(
    folder: ArtifactFolder, other: ArtifactFolder, every_step: None, ahead: int
) -> None:
    space = space_of(TINY)
    alone = train(TINY, space, folder=other, report=nothing)
    inner: list[RunResult] = []

    def begun_again(progress: Progress) -> None:
        if progress.step == ahead and not inner:
            inner.append(train(TINY, space, folder=folder, report=nothing))

    outer = train(TINY, space, folder=folder, report=begun_again)
    assert outer == inner[0] == finished_run(folder)
    assert without_times(outer) == without_times(alone)
    assert folder.read("model.safetensors") == other.read("model.safetensors")
    assert folder.names() == ["checkpoint.safetensors", "config.json", "model.safetensors", "result.json"]


def test_starting_again_forgets_the_old_run(folder: ArtifactFolder) -> None:
    train(TINY, space_of(TINY), folder=folder, report=nothing)
    changed = replace(TINY, seed=1)
    with pytest.raises(Conflict, match="other settings"):
        train(changed, space_of(TINY), folder=folder, report=nothing)
    assert train(changed, space_of(TINY), folder=folder, report=nothing, resume=False).steps == TINY.steps


def damaged(data: bytes, how: str) -> bytes:
    if how == "cut":
        return data[: len(data) // 2]
    if how == "emptied":
        return b""
    if how == "other bytes":
        return b"{}" * 100
    middle = len(data) - 500
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


@pytest.mark.parametrize("how", ["cut", "emptied", "other bytes", "one bit"])
def test_a_damaged_checkpoint_says_what_to_do(folder: ArtifactFolder, every_step: None, how: str) -> None:
    with pytest.raises(Cancelled):
        train(TINY, space_of(TINY), folder=folder, report=stop_at(9))  # type: ignore[arg-type]
    folder.write("checkpoint.safetensors", damaged(folder.read("checkpoint.safetensors"), how))
    with pytest.raises(ModelUnavailable, match="resume=False"):
        train(TINY, space_of(TINY), folder=folder, report=nothing)
    assert train(TINY, space_of(TINY), folder=folder, report=nothing, resume=False).steps == 20


def test_the_checkpoint_that_is_best_on_validation_objects_is_kept(
    folder: ArtifactFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = []
    evaluate = Run.evaluate

    def watched(run: Run, **named: object) -> bool:
        better = evaluate(run, **named)  # type: ignore[arg-type]
        weights.append({name: value.clone() for name, value in run.model.state_dict().items()})
        return better

    monkeypatch.setattr(Run, "evaluate", watched)
    result = train(TINY, space_of(TINY), folder=folder, report=nothing)
    ranks = [(h["unseen_object"], h["unseen_concepts"], h["seen_object"]) for h in result.history]
    best = max(range(len(ranks)), key=lambda i: (ranks[i], i))
    assert result.best_step == result.history[best]["step"]
    labels = labels_of(np.arange(16)[:, None], (4, 4), ("c1", "c2"))
    run = Run(TINY, space_of(TINY), device="cpu")
    run.model.load_state_dict(weights[best])
    expected = run.model.encode_scenes([run.model.alphabet.scenes(torch.arange(16)[:, None])])
    assert np.array_equal(scene_vectors(folder, labels), expected.detach().numpy())


def test_recognition_equals_a_loop_over_scenes_and_queries() -> None:
    run = Run(TINY, space_of(TINY), device="cpu")
    for _ in range(20):
        run.step()
    ids = np.random.default_rng(0).integers(0, 16, (50, 2))
    queries = encode_all_queries(run.model, tick=lambda: None)
    vectors = encode_scenes(run.model, [run.model.alphabet.scenes(torch.from_numpy(ids))], tick=lambda: None)
    found = recognition(vectors, queries, labels_of(ids, (4, 4), ("c1", "c2")), tick=lambda: None)
    values, objects = (vectors @ queries.values.T).tolist(), (vectors @ queries.objects.T).tolist()
    for row, scene in enumerate(ids.tolist()):
        held = [{number // 4 for number in scene}, {number % 4 for number in scene}]
        for k in range(2):
            scores = values[row][4 * k : 4 * k + 4]
            assert found.by_concept[row, k] == recognised(scores, held[k])
        assert found.object[row] == recognised(objects[row], set(scene))
    assert 0 < found.by_concept.mean() < 1


def recognised(scores: list[float], present: set[int]) -> bool:
    low = min(scores[i] for i in present)
    return all(low > score + 1e-6 for i, score in enumerate(scores) if i not in present)


def test_an_untrained_model_is_at_chance() -> None:
    config = replace(TINY, space="grid-2x8", width=32)
    run = Run(config, space_of(config), device="cpu")
    scenes = run.scenes(np.arange(64), 1000)
    objects, concepts = run.judge(scenes, encode_all_queries(run.model, tick=lambda: None), tick=lambda: None)
    assert objects < 0.03
    assert concepts < 0.05


def test_a_small_run_learns_its_objects(folder: ArtifactFolder) -> None:
    config = replace(
        TINY, space="grid-2x3", coverage=0.67, objects=1, steps=150, learning_rate=1e-2, batch=16, evaluate_every=75
    )
    result = train(config, space_of(config), folder=folder, report=nothing)
    assert result.history[-1]["seen_object"] == 1.0
    # No loss is lower: two values are present, and a query for either of them is right.
    assert log(2) < (result.history[-1]["loss"] or 0) < log(2) + 0.05
    assert result.objects == {"train": 6, "validation": 1, "test": 2}


def test_reports_come_with_every_step_evaluation_and_the_time(folder: ArtifactFolder, every_step: None) -> None:
    seen: list[Progress] = []
    train(TINY, space_of(TINY), folder=folder, report=seen.append)
    assert {progress.step for progress in seen} == set(range(21))
    measured = [progress for progress in seen if progress.figures is not None]
    assert [progress.step for progress in measured] == [0, 5, 10, 15, 20]
    assert all(
        set(progress.figures or ()) == {"seen_object", "seen_concepts", "unseen_object", "unseen_concepts"}
        for progress in measured
    )
    assert seen[0].loss is None
    assert all(progress.loss is not None and progress.loss > 0 for progress in seen if progress.step)
    assert [progress.seconds for progress in seen] == sorted(progress.seconds for progress in seen)


def test_the_queries_of_a_run_recognise_as_the_run_did(folder: ArtifactFolder) -> None:
    result = train(TINY, space_of(TINY), folder=folder, report=nothing)
    ids = scenes_of(Run(TINY, space_of(TINY), device="cpu").partition.train, 2, number=TINY.test_scenes, seed=TINY.seed)
    labels = labels_of(ids, (4, 4), ("c1", "c2"))
    scores = query_probes(folder).predict(scene_vectors(folder, labels))
    found = recognise(scores.concepts, scores.objects, scenes=labels.scenes, object_ids=labels.object_ids)
    assert float(found.object.mean()) == result.seen["object"].value
    assert float(found.concepts.mean()) == result.seen["concepts"].value


def test_vectors_of_a_picture_run_are_unit_and_tell_objects_apart(folder: ArtifactFolder) -> None:
    result = train(PICTURES, space_of(PICTURES), folder=folder, report=nothing)
    labels = SceneLabels(np.array([[[0, 0], [1, 2]], [[1, 2], [0, 0]]]), (8, 3), ("color", "shape"))
    vectors = scene_vectors(folder, labels)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert not np.array_equal(vectors[0], vectors[1])
    assert result.unseen["color"].n > 0
    with pytest.raises(InvalidInput, match="at most 2 objects"):
        scene_vectors(folder, SceneLabels(np.zeros((1, 3, 2), dtype=np.int64), (8, 3), ("color", "shape")))


def test_a_space_without_pictures_cannot_be_trained_on_pictures(folder: ArtifactFolder) -> None:
    config = replace(PICTURES, space="grid-2x4")
    with pytest.raises(InvalidInput, match="cannot be drawn"):
        train(config, space_of(config), folder=folder, report=nothing)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"coverage": 1.0}, "coverage"),
        ({"coverage": 0.0}, "coverage"),
        ({"objects": 0}, "objects"),
        ({"objects": 7}, "objects"),
        ({"width": 30, "heads": 4}, "multiple of heads"),
        ({"steps": 0}, "steps"),
        ({"batch": 1}, "batch"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"weight_decay": -1.0}, "weight_decay"),
        ({"warmup": 1.5}, "warmup"),
        ({"swap_negatives": -1}, "swap_negatives"),
        ({"inputs": "sounds"}, "inputs"),
        ({"negatives": "none"}, "negatives"),
        ({"inputs": "images", "pixels": 50}, "pixels"),
        ({"inputs": "images", "patch": 6}, "patch"),
        ({"seed": -1}, "seed"),
    ],
)
def test_settings_that_mean_nothing_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        replace(ControlledConfig(), **change)  # type: ignore[arg-type]


def test_a_space_of_another_name_is_refused(folder: ArtifactFolder) -> None:
    with pytest.raises(InvalidInput, match="grid-2x5"):
        train(TINY, space_of(replace(TINY, space="grid-2x5")), folder=folder, report=nothing)


def test_an_unknown_device_is_refused(folder: ArtifactFolder) -> None:
    with pytest.raises(InvalidInput, match="device"):
        train(TINY, space_of(TINY), folder=folder, report=nothing, device="tpu")


@pytest.mark.parametrize("config", [TINY, PICTURES])
def test_a_definition_can_be_read_again(config: ControlledConfig) -> None:
    definition = json.loads(json.dumps(run_definition(config, space_of(config))))
    assert read_definition(definition) == (config, space_of(config))
    with pytest.raises(InvalidInput, match="definition"):
        read_definition({"config": {"width": 3, "unheard": 1}, "space": {}})


def test_every_preset_is_sound_and_fits_its_space() -> None:
    for config in PRESETS.values():
        assert memory_needed(config, space_of(config)) > 0
    assert preset("published", steps=7).steps == 7
    with pytest.raises(UnknownName, match="published"):
        preset("huge")
    for phase in PHASE_PRESETS.values():
        for config in phase.cells():
            assert config.space in phase.spaces
    assert len(PHASE_PRESETS["laptop"].cells()) >= 12


@pytest.mark.parametrize("config", [PRESETS["laptop"], PRESETS["published"], PRESETS["images"]])
def test_the_memory_estimate_counts_all_parameters(config: ControlledConfig) -> None:
    space = space_of(config)
    exact = sum(value.numel() for value in build_model(config, space.values).parameters())
    assert parameter_count(config, space) == pytest.approx(exact, rel=0.01 if config.inputs == "tokens" else 0.2)


def test_scenes_to_evaluate_count_for_the_memory() -> None:
    few, many = (memory_needed(replace(PICTURES, test_scenes=n), space_of(PICTURES)) for n in (1_000, 100_000))
    assert many - few > 99_000 * 32 * 32 * 3


def test_a_grid_too_large_to_split_is_refused_without_trying() -> None:
    with pytest.raises(InvalidInput, match=r"68,719,476,736 objects, which takes 1,536 GiB"):
        check_partition(space_of(replace(TINY, space="grid-6x64")), coverage=0.5)


def test_larger_runs_need_more_memory() -> None:
    small = memory_needed(TINY, space_of(TINY))
    assert small < memory_needed(replace(TINY, batch=4096), space_of(TINY))
    assert small < memory_needed(replace(TINY, width=512), space_of(TINY))
    huge = replace(TINY, space="grid-6x64")
    assert memory_needed(huge, space_of(huge)) > 10**12
