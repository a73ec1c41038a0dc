"""Export of a forest as one C file."""

from __future__ import annotations

from diffses.export.codegen import (
    ARGUMENTS,
    C_WORDS,
    C,
    assign_names,
    identifier,
    is_native,
    operator_source,
    used_symbols,
)
from diffses.policy.forest import Forest
from diffses.policy.operators import OPERATORS
from diffses.policy.printing import split_terms

ACT_DISCRETE = """
static const int action_ids[{trees}] = {{{ids}}}; /* in the environment's action set: {actions} */

/* The action of the tree with the highest value; ties go to the first, and NaN never wins. */
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
ACT_BOX = """
static const double bounds[{trees}][2] = {{{bounds}}}; /* {actions} */

/* The action: each tree's value squashed into its bounds; NaN counts as 0, the middle. */
void act(const double row[{features}], double action[{trees}]) {{
    scores(row, action);
    for (int i = 0; i < {trees}; i++) {{
        double low = bounds[i][0], high = bounds[i][1];
        double s = isnan(action[i]) ? 0.0 : action[i];
        action[i] = low + (high - low) * (1 + tanh(s)) / 2;
    }}
}}
"""


def comment(text: str) -> str:
    """Text that does not end a C comment."""
    return text.replace("*/", "* /").replace("/*", "/ *")


def to_c(forest: Forest, title: str) -> str:
    """C source with `scores(row, out)` and `act(row)`, to be compiled with -ffp-contract=off.

    Args:
        forest: the policy.
        title: first line of the file's comment.
    """
    macros = [name for name in map(identifier, forest.features) if name.isupper()]  # may be some
    named = assign_names(forest.features, [*C_WORDS, *macros])
    operators, features = used_symbols(forest.trees)
    parts = [
        f"/* {title}",
        "",
        *(f"   {comment(line)}" for line in forest.text(3).splitlines()),
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
                f"    return {operator_source(operator, C)};",
                "}",
                "",
            ]
    parts += [
        "/* The value of each tree on one row of features. */",
        f"void scores(const double row[{len(forest.features)}], "
        f"double out[{len(forest.trees)}]) {{",
        *(
            f"    const double {named.features[i]} = row[{i}]; /* {forest.features[i]} */"
            for i in features
        ),
    ]
    for index, (action, tree) in enumerate(zip(forest.actions, forest.trees, strict=True)):
        value = "\n        ".join(split_terms(named.formula(tree, C)))
        parts.append(f"    /* {comment(action)} */\n    out[{index}] = {value};")
    parts.append("}")
    ending = ACT_DISCRETE if forest.bounds is None else ACT_BOX
    return (
        "\n".join(parts)
        + "\n"
        + ending.format(
            trees=len(forest.trees),
            features=len(forest.features),
            ids=", ".join(map(str, forest.action_ids)),
            actions=comment(", ".join(forest.actions)),
            bounds=", ".join(f"{{{low!r}, {high!r}}}" for low, high in forest.bounds or ()),
        )
    )
