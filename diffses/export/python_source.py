"""Export of a forest as one Python file that needs only numpy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from diffses.export.codegen import (
    ARGUMENTS,
    NUMPY,
    PYTHON_WORDS,
    Names,
    assign_names,
    is_native,
    operator_source,
    used_symbols,
)
from diffses.policy.forest import Forest
from diffses.policy.operators import OPERATORS
from diffses.policy.printing import split_terms

WIDTH = 100  # characters; a formula's lines break between its terms

ACT_DISCRETE = '''
def act(row):
    """The action as an index into the environment's minimal action set: (features,) to an int, or
    (n, features) to (n,). It is that of the tree with the highest value; ties go to the first,
    and NaN never wins."""
    scores = values(row)
    best = np.where(np.isnan(scores), -np.inf, scores).argmax(axis=-1)
    return np.array(ACTION_IDS)[best]
'''
ACT_BOX = '''
def act(row):
    """The action, one value per dimension: (features,) to (d,), or (n, features) to (n, d). Each
    tree's value is squashed into the dimension's bounds; NaN counts as 0, the middle."""
    low, high = np.array(BOUNDS).T
    return low + (high - low) * (1 + np.tanh(np.nan_to_num(values(row)))) / 2
'''


def to_python(
    forest: Forest, title: str, units: Mapping[str, str], extra: Iterable[str] = ()
) -> str:
    """Python source with `values(row)` and `act(row)`, bit-equal to the forest's.

    Args:
        forest: the policy.
        title: first line of the file's docstring.
        units: of the features, where known, e.g. "100 px from the top edge".
        extra: identifiers that the rest of the file uses.
    """
    names = assign_names(forest.features, [*PYTHON_WORDS, *extra])
    return "\n".join(
        [
            f'"""{title}\n\n{describe(forest, units)}"""\n',
            "import numpy as np\n",
            policy_source(forest, names),
        ]
    )


def describe(forest: Forest, units: Mapping[str, str]) -> str:
    """The interface and the features of the exported policy, for the file's docstring."""
    out = (
        "act(row) returns the action, values(row) the value of each tree. The trees:\n\n"
        + "".join(f"    {line}\n" for line in forest.text(3).splitlines())
        + "\nrounded here, in full below. A row holds these features, in this order:\n\n"
    )
    width = max(map(len, forest.features))
    for index, name in enumerate(forest.features):
        out += f"    {index:>3}  {name:<{width}}  {units.get(name, '')}".rstrip() + "\n"
    return out.replace("\\", "\\\\").replace('"""', "'''")


def policy_source(forest: Forest, names: Names) -> str:
    """The source of the policy: its constants and the functions `values` and `act`."""
    operators, features = used_symbols(forest.trees)
    parts = [_tuple("FEATURES", forest.features), _tuple("ACTIONS", forest.actions)]
    if forest.bounds is None:
        parts.append(f"ACTION_IDS = {forest.action_ids!r}  # in the environment's action set")
    else:
        parts.append(f"BOUNDS = {forest.bounds!r}  # lowest and highest value of each action")
    parts.append("")
    for name in operators:
        operator = OPERATORS[name]
        if not is_native(operator, NUMPY):
            arguments = ", ".join(ARGUMENTS[: operator.arity])
            parts += [
                f"\ndef {names.operators[name]}({arguments}):",
                f"    return {operator_source(operator, NUMPY)}\n",
            ]
    parts += [
        "\ndef values(row):",
        '    """Values of the trees: (features,) to (trees,), or (n, features) to (n, trees)."""',
        "    row = np.asarray(row, dtype=np.float64)",
        *(f"    {names.features[index]} = row[..., {index}]" for index in features),
        '    with np.errstate(all="ignore"):',
        "        trees = (",
    ]
    for action, tree in zip(forest.actions, forest.trees, strict=True):
        parts.append(f"            # {action}")
        terms = split_terms(names.formula(tree, NUMPY))
        parts += [f"            {line}" for line in _wrapped(terms)]
    parts += [
        "        )",
        "    return np.stack(np.broadcast_arrays(*trees, row[..., 0])[:-1], axis=-1)\n",
    ]
    return "\n".join(parts) + (ACT_DISCRETE if forest.bounds is None else ACT_BOX)


def _wrapped(terms: list[str]) -> list[str]:
    """The terms of a sum as lines of less than `WIDTH` characters, the last with a comma."""
    lines = [terms[0]]
    for term in terms[1:]:
        if len(lines[-1]) + len(term) < WIDTH - 16:
            lines[-1] += f" {term}"
        else:
            lines.append(term)
    return [*lines[:-1], f"{lines[-1]},"]


def _tuple(name: str, items: tuple[str, ...]) -> str:
    inside = "".join(f"    {item!r},\n" for item in items)
    return f"{name} = (\n{inside})"
