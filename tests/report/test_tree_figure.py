"""A tree as a picture."""

import numpy as np
from matplotlib.image import imread

from diffses.report.tree_figure import draw

FEATURES = ("ball.y", "player.y", "ball.y-player.y")
TREE = ("add", "mul", -0.5, 2, "is_right_of", 0, 1.2345)


def test_a_picture_names_what_is_in_the_tree(tmp_path):
    import matplotlib as mpl

    with mpl.rc_context({"svg.fonttype": "none"}):  # text as text
        draw(TREE, FEATURES, tmp_path / "tree.svg")
        draw(TREE, FEATURES, tmp_path / "again.svg")
    svg = (tmp_path / "tree.svg").read_text()
    signs = ("+", "\N{MULTIPLICATION SIGN}", "\N{MINUS SIGN}0.5")
    for shown in (*signs, "ball.y-player.y", "is_right_of", "ball.y", "1.23"):
        assert f">{shown}<" in svg.replace("> ", ">").replace(" <", "<")
    assert (tmp_path / "again.svg").read_text() == svg


def test_nothing_is_cut_off_at_the_edges(tmp_path):
    for index, tree in enumerate([TREE, (0.5,), (2,), ("neg", "neg", 2)]):
        path = tmp_path / f"{index}.png"
        draw(tree, FEATURES, path)
        grey = imread(path)[..., :3].mean(axis=2)
        edges = np.concatenate([grey[:10].ravel(), grey[-10:].ravel(), grey[:, -10:].ravel()])
        assert (edges == 1).all()
        assert (grey[:, :10] == 1).all()
        assert (grey < 0.5).any()
