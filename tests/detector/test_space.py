import csv

import cv2
import numpy as np
import pytest
import torch
from made_up import BLUE, RED, bouncing, picture_of

from diffses.config import SpaceDetector
from diffses.detector.loading import open_detector
from diffses.detector.palette import PALETTE
from diffses.detector.recording import Recording
from diffses.detector.space import training
from diffses.detector.space.clusters import Clusters, fit_clusters, merge_clusters, silhouette
from diffses.detector.space.detector import (
    SpaceDetections,
    SpaceInference,
    _merge_detections,
    learn_space,
    typed_boxes,
)
from diffses.detector.space.network import (
    CELL,
    CELLS,
    GLIMPSE,
    GRID,
    SIDE,
    Schedule,
    Space,
    _fold,
    _spread,
    cell_centres,
    crop_glimpses,
)
from diffses.errors import ArtifactError

STEPS = 60


@pytest.fixture
def play():
    """A red box that obeys and a blue one that does not."""
    actions = np.random.default_rng(0).integers(0, 3, STEPS)
    x = np.clip(70 + 4 * np.cumsum(actions - 1), 10, 140)
    y = bouncing(STEPS, 20, 90, 30, 5)
    screens = [
        picture_of((RED, int(a), 150, 10, 12), (BLUE, 60, int(b), 8, 8))
        for a, b in zip(x, y, strict=True)
    ]
    return Recording(np.array(screens), np.arange(STEPS) == 0, actions, None, PALETTE)


def test_what_is_cropped_and_rendered_is_where_it_was():
    frame = torch.zeros(1, 3, SIDE, SIDE)
    frame[:, :, 40:52, 60:72] = 1  # 12 px square with its centre at (66, 46)
    cell = torch.tensor([[(46 // CELL) * GRID + 66 // CELL]])
    offset = torch.tensor([66.0, 46.0]) - cell_centres(cell)[0, 0]
    box = torch.cat([torch.tensor([GLIMPSE, GLIMPSE]).float(), offset])[None, None]
    glimpse = crop_glimpses(frame, cell, box).view(1, 1, 3, GLIMPSE, GLIMPSE)
    assert glimpse.min() == pytest.approx(1, abs=1e-4)
    drawn = torch.ones(1, 1, 4, GLIMPSE, GLIMPSE)
    back = _fold(_spread(drawn, box), cell)
    assert back[0, 3].sum() == pytest.approx(144, rel=1e-3)
    assert back[0, 3, 40:52, 60:72].min() == pytest.approx(1, abs=1e-4)


def test_windows_that_overlap_add_up():
    cell = torch.tensor([[0, 1, 0]])
    whole = _fold(torch.ones(1, 3, 1, 24, 24), cell)
    # cell 0 reaches 8 px past its own 8, cell 1 lies 8 px to the right of it
    assert whole[0, 0, 0, 0] == 3
    assert whole[0, 0, 0, 20] == 1
    assert whole[0, 0, 30, 30] == 0


def test_the_bound_is_exact_where_there_is_nothing_to_see():
    torch.manual_seed(0)
    background = torch.rand(3, SIDE, SIDE)
    model = Space(background)
    with torch.no_grad():
        model.heads.weight.zero_()
        model.heads.bias[0] = -9.0  # no objects
        loss, shown = model(background[None], Schedule(0.5, 0.01))
    # nothing differs, but each pixel might have been covered: -log(1 - cover), nearly 0
    assert abs(loss.reconstruction.item()) < 5
    assert loss.where.item() < 1
    # 64 cells: KL(Bernoulli(p) || Bernoulli(0.01)), p = 1 / (1 + e^9)
    p = 1 / (1 + np.exp(9))
    expected = CELLS * (p * np.log(p / 0.01) + (1 - p) * np.log((1 - p) / 0.99))
    assert loss.pres.item() == pytest.approx(expected, rel=0.01)
    assert (shown - background).abs().mean() < 0.01


def test_every_weight_learns():
    torch.manual_seed(0)
    model = Space(torch.zeros(3, SIDE, SIDE))
    loss, _ = model(torch.rand(2, 3, SIDE, SIDE), Schedule(1.0, 0.1))
    loss.total.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().sum() > 0, name


def test_types_are_clusters_and_one_type_is_not_cut_up():
    random = np.random.default_rng(0)
    middles = 8 * random.normal(size=(3, 16))
    codes = np.concatenate([middle + random.normal(0, 0.3, (40, 16)) for middle in middles])
    found = fit_clusters(codes, 0)
    kinds = found.assign(codes).reshape(3, 40)
    assert len(found.centres) == 3
    assert sorted(kinds[:, 0]) == [0, 1, 2]
    assert (kinds == kinds[:, :1]).all()
    assert len(fit_clusters(random.normal(size=(200, 16)), 0).centres) == 1


def test_clusters_that_one_object_changes_between_are_one_type():
    # what goes right along y = 20 looks like 0 or 2, what goes left along y = 80 always like 1
    random = np.random.default_rng(0)
    boxes = [
        np.array(
            [
                (random.choice([0, 2]), 2 * step, 20, 2 * step + 4, 24, 25),
                (1, 150 - 2 * step, 80, 154 - 2 * step, 84, 25),
            ],
            np.int32,
        )
        for step in range(60)
    ]
    three = Clusters(np.eye(3, 16), np.ones(16), np.arange(3))
    found = merge_clusters(three, boxes, np.arange(60) == 0)
    assert found.type_of.tolist() == [0, 1, 0]
    assert found.count == 2
    assert found.assign(np.eye(3, 16)).tolist() == [0, 1, 0]


def test_silhouette_by_hand():
    # 0 and 1 against 10 and 11: within 1, between (10 + 11) / 2 and (9 + 10) / 2
    at = np.array([0.0, 1, 10, 11])
    expected = (1 - 1 / 10.5 + 1 - 1 / 9.5) / 2
    assert silhouette(abs(at[:, None] - at), np.array([0, 0, 1, 1])) == pytest.approx(expected)


def test_of_two_cells_that_see_one_thing_the_surer_is_kept():
    corners = np.array([[10, 10, 20, 20], [11, 10, 20, 20], [50, 50, 54, 58.0]])
    found = _merge_detections(
        corners, np.array([0.6, 0.9, 0.7]), np.arange(3.0)[:, None], (160, 210)
    )
    assert found.boxes.tolist() == [[11, 10, 19, 19], [50, 50, 53, 57]]
    assert found.codes[:, 0].tolist() == [1, 2]
    nothing = SpaceDetections(np.zeros((0, 4), np.int32), np.zeros((0, 16)))
    assert typed_boxes(nothing, fit_clusters(np.zeros((1, 16)), 0)).shape == (0, 6)


def test_a_killed_training_goes_on_to_the_same_network(play, tmp_path, monkeypatch):
    small = training.resize_frames(play.frames)
    settings = SpaceDetector(
        train_steps=4, batch_size=2, checkpoint_every=2, device="cpu", threads=1
    )
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    whole = training.train(small, settings, one)
    kept = training._checkpoint

    def killed(model, optimizer, step, seconds, scratch):
        kept(model, optimizer, step, seconds, scratch)
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "_checkpoint", killed)
    with pytest.raises(KeyboardInterrupt):
        training.train(small, settings, two)
    monkeypatch.setattr(training, "_checkpoint", kept)
    again = training.train(small, settings, two)
    for (name, a), b in zip(whole.state_dict().items(), again.state_dict().values(), strict=True):
        assert torch.equal(a, b), name
    rows = list(csv.DictReader((two / "curve.csv").read_text().splitlines()))
    assert [row["step"] for row in rows] == ["4"]
    assert cv2.imread(str(two / "reconstruction_000004.png")).shape == (4 * SIDE, 4 * SIDE, 3)


@pytest.mark.slow
def test_it_learns_where_things_are(play, tmp_path):
    settings = SpaceDetector(train_steps=250, checkpoint_every=250, learning_rate=2e-3, threads=2)
    found = learn_space(play, settings, {}, tmp_path)
    assert found.tracker.schema.player == "player"
    found.save(tmp_path)
    loaded = open_detector(tmp_path)
    assert loaded.features == found.features
    errors = []
    for screen in play.screens:
        row = found.observe(screen).copy()
        np.testing.assert_array_equal(loaded.observe(screen), row)
        _, xs = np.nonzero(screen == RED)
        errors.append(abs(100 * row[found.features.index("player.x")] - (xs.mean() + 0.5)))
    assert np.median(errors) < 2  # px


def test_a_folder_without_a_network_is_refused(tmp_path):
    (tmp_path / "detector.json").write_text('{"kind": "space", "format": 1}')
    with pytest.raises(ArtifactError, match="no detector"):
        open_detector(tmp_path)


def test_the_eye_reads_boxes_in_pixels_of_the_screen(play):
    model = Space(torch.zeros(3, SIDE, SIDE))
    search_mask = np.ones((210, 160), bool)
    inference = SpaceInference(model, PALETTE, 0.0, search_mask)
    above = SpaceInference(model, PALETTE, 0.0, search_mask & (np.arange(210) < 100)[:, None])
    for sights, upper in zip(
        inference.detect(play.screens[:2]), above.detect(play.screens[:2]), strict=True
    ):
        middles = sights.boxes[:, [1, 3]].sum(axis=1) // 2
        assert 0 < len(upper.boxes) < len(sights.boxes)
        assert (upper.boxes == sights.boxes[middles < 100]).all()
        assert (upper.codes == sights.codes[middles < 100]).all()
        assert (sights.boxes[:, :2] <= sights.boxes[:, 2:]).all()
        assert sights.boxes.min(initial=0) >= 0
        assert (sights.boxes[:, 2] < 160).all()
        assert (sights.boxes[:, 3] < 210).all()
