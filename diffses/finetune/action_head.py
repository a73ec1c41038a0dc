"""The action head: how the drives of few channels score the actions of an environment.

Where the detector found which way each action pushes the player, (e_x, e_y), and which press the
button, b, the channels are x, y, button and still, and an action scores

    e_x U_x - |e_x| D_x + e_y U_y - |e_y| D_y + b B + [no push] S

with U the drive and D the dead zone along an axis. Elsewhere each action, or each dimension of a
Box action, is a channel of its own. Either way the policy becomes a plain forest.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

from diffses.config import ActionHeadKind
from diffses.dataset.data import Dataset
from diffses.finetune.drives import DrivePolicy, expression
from diffses.policy.expression import Expression
from diffses.policy.forest import Forest

AXES = ("x", "y")
BUTTON, STILL = "button", "still"
BUTTON_NAME = "FIRE"  # suffix of the names of actions that press the button


@dataclass(frozen=True)
class ActionHead:
    """Scores the actions by the drives.

    Args:
        channels: their names.
        template: a forest with a tree for each effect, those with fewer pushes first, since ties
            go to the first tree.
        coefficients: of each tree, one for each channel: -1, 0 or 1.
        factored: whether the channels are x, y, button and still.
    """

    channels: tuple[str, ...]
    template: Forest
    coefficients: tuple[tuple[int, ...], ...]
    factored: bool

    def axis(self, channel: int) -> str | None:
        """The axis of a channel; None where it is none."""
        name = self.channels[channel]
        return name if self.factored and name in AXES else None

    @property
    def empty(self) -> DrivePolicy:
        """The policy without drives."""
        return DrivePolicy((None,) * len(self.channels))

    def forest(self, policy: DrivePolicy) -> Forest:
        """The policy as a plain forest. Of a factored head, actions that need a push or a button
        for which there is no drive are left out."""
        kept = [
            number
            for number, row in enumerate(self.coefficients)
            if not self.factored or all(map(self._has_drive, range(len(row)), row, policy.drives))
        ]
        old = self.template
        return replace(
            old,
            actions=tuple(old.actions[i] for i in kept),
            action_ids=tuple(old.action_ids[i] for i in kept),
            trees=tuple(self._tree(self.coefficients[i], policy) for i in kept),
        )

    def _has_drive(self, channel: int, coefficient: int, drive: object) -> bool:
        return coefficient == 0 or drive is not None or self.channels[channel] == STILL

    def _tree(self, coefficients: tuple[int, ...], policy: DrivePolicy) -> Expression:
        tree: Expression = (0.0,)
        for coefficient, drive in zip(coefficients, policy.drives, strict=True):
            if coefficient == 0 or drive is None:
                continue
            part = expression(drive, float(coefficient))
            if repr(tree) == "(0.0,)":
                tree = part
            elif repr(part) not in ("(0.0,)", "(-0.0,)"):
                tree = ("add", *tree, *part)
        return tree


def action_head(data: Dataset, detector: Path, kind: ActionHeadKind) -> ActionHead:
    """The factored head where the detector found actions that push the player, unless `kind` asks
    for one drive an action; else that.

    Args:
        detector: folder of the artifact.
    """
    if kind is ActionHeadKind.factored and data.bounds is None:
        effects = action_effects(data, pushes_of_actions(detector))
        if any(any(effect[:2]) for effect in effects):
            return _factored(data, effects)
    template = data.layout.template(data.train)
    count = range(len(template.trees))
    identity = tuple(tuple(int(i == j) for j in count) for i in count)
    return ActionHead(template.actions, template, identity, factored=False)


def pushes_of_actions(detector: Path) -> list[tuple[float, ...]]:
    """Which way each action pushes the player, and whether it presses the button, as the detector
    has found; empty where it has not.

    Args:
        detector: folder of the artifact.
    """
    stored = json.loads((detector / "detector.json").read_text()).get("pushes_of_actions", [])
    return [tuple(map(float, push)) for push in stored]


def action_effects(data: Dataset, pushes: list[tuple[float, ...]]) -> list[tuple[int, int, int]]:
    """Of each action its pushes along x and y, -1, 0 or 1, and whether it presses the button, 0 or
    1. The button counts only where an action with it has another effect than one without.

    Where actions push the player along one axis alone, the direction in the name of an action
    stands for the other one: it may aim or shoot. Else no policy could choose such an action.

    Args:
        pushes: of the detector, for the first actions; later ones push nowhere.
    """
    found = []
    for number, name in enumerate(data.actions):
        x, y, *_ = (*(pushes[number] if number < len(pushes) else ()), 0.0, 0.0)
        found.append((_sign(x), _sign(y), int(name.endswith(BUTTON_NAME))))
    pushed = [any(effect[axis] for effect in found) for axis in range(2)]
    if sum(pushed) == 1:
        signs = [_direction(name) for name in data.actions]
        if pushed[0]:
            found = [(x, y, b) for (x, _, b), (_, y) in zip(found, signs, strict=True)]
        else:
            found = [(x, y, b) for (_, y, b), (x, _) in zip(found, signs, strict=True)]
    group = {action: number for number, members in enumerate(data.groups) for action in members}
    home: dict[tuple[int, int, int], int] = {}
    for action, effect in enumerate(found):
        home.setdefault(effect, group[action])
    matters = any(
        pressed and home.get((x, y, 0), number) != number
        for (x, y, pressed), number in home.items()
    )
    return found if matters else [(x, y, 0) for x, y, _ in found]


def _direction(name: str) -> tuple[int, int]:
    """The direction in the name of one of ALE's actions: right and down, -1, 0 or 1."""
    return ("RIGHT" in name) - ("LEFT" in name), ("DOWN" in name) - ("UP" in name)


def _sign(value: float) -> int:
    return int(value > 0) - int(value < 0)


def _factored(data: Dataset, effects: list[tuple[int, int, int]]) -> ActionHead:
    """A tree for each effect: of the first action that has it."""
    first: dict[tuple[int, int, int], int] = {}
    for action, effect in enumerate(effects):
        first.setdefault(effect, action)
    ordered = sorted(first.items(), key=lambda one: (sum(map(abs, one[0])), one[1]))
    moves = [axis for number, axis in enumerate(AXES) if any(e[number] for e in first)]
    button = [BUTTON] * any(effect[2] for effect in first)
    channels = (*moves, *button, STILL)
    names = (*AXES, BUTTON)
    rows = []
    for effect, _ in ordered:
        each = dict(zip(names, effect, strict=True)) | {STILL: int(not any(effect[:2]))}
        rows.append(tuple(each[channel] for channel in channels))
    ids = tuple(action for _, action in ordered)
    template = Forest(
        data.features, tuple(data.actions[i] for i in ids), ids, tuple((0.0,) for _ in ids)
    )
    return ActionHead(channels, template, tuple(rows), factored=True)
