"""Where forests came from: typed, and shown in words that decide nothing."""

import json

import pytest

from diffses.finetune.lineage import Kind, Lineage
from tests.finetune.test_evolution import begin, finish

START = Lineage.start("distill", "00", action_set=2)
MEAN = Lineage(Kind.mean, parent=START, generation=12)
CHILD = Lineage(Kind.child, generation=3, number=4, operator="graft", parents=("a", "b"))
LABELS = {
    "distill/00, action set 2": START,
    "pursuit/7": Lineage.start("pursuit", 7),
    "distill/00, action set 2, constants 12": MEAN,
    "child 3.4 (graft)": CHILD,
    "child 3.4 (graft), constants 5, best": Lineage(Kind.best, parent=CHILD, generation=5),
    "child 3.4 (graft), tuned": Lineage(Kind.ppo, parent=CHILD),
    "pursuit/7, 640 steps of PPO": Lineage(Kind.ppo, Lineage.start("pursuit", 7), steps=640),
    "child 3.4 (graft), pruned at 1 %": Lineage(Kind.pruned, parent=CHILD, tolerance=0.01),
    "child 3.4 (graft), without idle actions": Lineage(Kind.fewer_actions, parent=CHILD),
}


@pytest.mark.parametrize("label", LABELS)
def test_labels_and_the_way_through_json(label):
    lineage = LABELS[label]
    assert lineage.label == label
    again = Lineage.from_json(json.loads(json.dumps(lineage.to_json())))
    assert again == lineage
    assert again.parents == lineage.parents


def test_what_seeds_are_derived_from_is_pinned():
    # another text is another search: what is found under a seed changes
    assert MEAN.key == "distill/00, action set 2, climb 12"
    assert Lineage(Kind.best, parent=MEAN, generation=3).key == f"{MEAN.key}, climb 3, best"


def test_what_json_holds():
    assert MEAN.to_json() == {
        "kind": "mean",
        "parent": {"kind": "start", "family": "distill", "member": "00", "action_set": 2},
        "generation": 12,
    }


def test_rewording_a_label_does_not_change_a_search(data, protocol, detector, monkeypatch):
    def searched():
        search, starts = begin(data, protocol, detector)
        search.screen(starts)
        finish(search, steps=8_000)
        saved = json.loads(json.dumps(search.state()))
        again, _ = begin(data, protocol, detector)
        again.restore(saved)
        finish(again, steps=12_000)
        curve = [{k: v for k, v in row.items() if k != "start"} for row in again.curve]
        return curve, [(one.forest, one.lineage) for one in again.finalists()], again.curve

    curve, finalists, shown = searched()
    monkeypatch.setattr(Lineage, "label", property(lambda self: "reworded"))
    again, finalists_again, shown_again = searched()
    assert shown != shown_again
    assert curve == again
    assert finalists == finalists_again
    kinds = {lineage.kind for _, lineage in finalists}
    assert {Kind.child, Kind.mean, Kind.best} <= kinds
