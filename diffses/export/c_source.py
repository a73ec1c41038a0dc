"""A forest as one C file."""

from __future__ import annotations

from diffses.export.codegen import ARGUMENTS, C_WORDS, C, body, is_native, names, used
from diffses.policy.forest import Forest
from diffses.policy.operators import OPERATORS
from diffses.policy.printing import split_terms

DISCRETE = """
static const int action_ids[{trees}] = {{{ids}}}; /* in the environment's action set: {actions} */

/* The action: the tree of the highest value decides, ties go to the first, and NaN never wins. */
int act(const double row[{features}]) {{
    double out[{trees}], best = -INFINITY;
    int chosen = 0;
    scores(row, out);
    for (int i = 0; i < {trees}; i++)
        if (out[i] > best) {{
            best = out[i];
            chosen = i;
        }}
    return action_ids[chosen];
}}
"""
BOX = """
static const double bounds[{trees}][2] = {{{bounds}}}; /* {actions} */

/* The action: each tree's value squashed into its bounds; NaN is taken for 0, the middle. */
void act(const double row[{features}], double action[{trees}]) {{
    scores(row, action);
    for (int i = 0; i < {trees}; i++) {{
        double low = bounds[i][0], high = bounds[i][1];
        double s = isnan(action[i]) ? 0.0 : action[i];
        action[i] = low + (high - low) * (1 + tanh(s)) / 2;
    }}
}}
"""


def to_c(forest: Forest, title: str) -> str:
    """The file: `scores(row, out)` and `act(row)`; compile it with -ffp-contract=off."""
    named = names(forest.features, C_WORDS)
    operators, features = used(forest.trees)
    parts = [
        f"/* {title}",
        "",
        *(f"   {line}" for line in forest.text(3).splitlines()),
        "",
        "   cc -O2 -ffp-contract=off -shared -fPIC -o policy.so FILE.c -lm */",
        "#include <math.h>",
        "",
    ]
    for name in operators:
        operator = OPERATORS[name]
        if not is_native(operator, C):
            arguments = ", ".join(f"double {letter}" for letter in ARGUMENTS[: operator.arity])
            parts += [
                f"static double {named.operators[name]}({arguments}) {{",
                f"    return {body(operator, C)};",
                "}",
                "",
            ]
    parts += [
        "/* What each tree says of one row of features. */",
        f"void scores(const double row[{len(forest.features)}], "
        f"double out[{len(forest.trees)}]) {{",
        *(
            f"    const double {named.features[i]} = row[{i}]; /* {forest.features[i]} */"
            for i in features
        ),
    ]
    for index, (action, tree) in enumerate(zip(forest.actions, forest.trees, strict=True)):
        value = "\n        ".join(split_terms(named.formula(tree, C)))
        parts.append(f"    /* {action} */\n    out[{index}] = {value};")
    parts.append("}")
    ending = DISCRETE if forest.bounds is None else BOX
    return (
        "\n".join(parts)
        + "\n"
        + ending.format(
            trees=len(forest.trees),
            features=len(forest.features),
            ids=", ".join(map(str, forest.action_ids)),
            actions=", ".join(forest.actions),
            bounds=", ".join(f"{{{low!r}, {high!r}}}" for low, high in forest.bounds or ()),
        )
    )
