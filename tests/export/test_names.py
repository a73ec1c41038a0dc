"""Whatever a feature or an action is called, its export runs and equals the forest."""

import ctypes
import importlib.util
import keyword
import re
import shutil
import subprocess

import numpy as np
import pytest
import sympy

from diffses.config import GymnasiumEnv
from diffses.detector.identity import name_observation
from diffses.errors import ConfigError
from diffses.export.codegen import C_WORDS
from diffses.export.export import export
from diffses.export.standalone import to_standalone
from diffses.policy.forest import Forest
from diffses.policy.operators import OPERATORS
from diffses.policy.printing import check_action, check_feature

NASTY = {
    "Python": (*keyword.kwlist, *keyword.softkwlist, "__debug__", "__name__", "self", "_", "__"),
    "of our files": ("np", "row", "trees", "values", "act", "out", "best", "scores", "FEATURES",
                     "TREES", "ACTIONS", "ACTION_IDS", "BOUNDS", "action_ids", "bounds", "a", "b"),
    "operators": tuple(OPERATORS),
    "C": (*C_WORDS, "NULL", "EOF", "NAN", "INFINITY", "M_PI", "I", "_Bool", "__LINE__", "log10"),
    "SymPy": ("I", "E", "pi", "S", "N", "Symbol", "sympify", "oo", "zoo", "nan", "lambda", "gamma"),
    "Unicode": ("v²", "θ", "Θ", "θ_dot", "x₁", "höhe", "速度", "ﬁ", "fi", "\N{MICRO SIGN}", "μ",
                "ñ.x", "\N{GREEK CAPITAL LETTER ALPHA}", "ς", "a٣", "Ω-ω"),
    "other signs": ("a.b", "a_b", "a#b", "a[b]", "a-b", "_minus_", "a_minus_b", "car[3].x", "x-_"),
    "numbers": ("e5", "x1", "inf", "nan", "NaN", "o0", "O", "l"),
}  # fmt: skip
SIZE = 40  # features of a forest


def macros():
    """The names of the compiler's and of math.h's macros that are values."""
    command = ["gcc", "-dM", "-E", "-include", "math.h", "-x", "c", "/dev/null"]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return re.findall(r"^#define (\w+) ", found, re.MULTILINE)


def forests(names):
    """The sum of the names, and an operator on each, for up to SIZE names a time."""
    left = tuple(dict.fromkeys(names))
    while left:
        some, left = left[:SIZE], left[SIZE:]
        total = " + ".join(f"{i + 2}.0*({name})" for i, name in enumerate(some))
        calls = " - ".join(f"max({name}, tanh(0.5*({name})))" for name in some)
        yield Forest.from_text(f"NOOP = {total}\nFIRE = {calls}", some)


def rows(forest):
    return np.random.default_rng(0).normal(size=(20, len(forest.features)))


def load(source, path):
    path.write_text(source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


kinds = pytest.mark.parametrize("kind", NASTY)


@kinds
def test_python(kind, tmp_path):
    for number, forest in enumerate(forests(NASTY[kind])):
        module = load(export(forest, "python", "A policy."), tmp_path / f"n{number}.py")
        np.testing.assert_array_equal(module.values(rows(forest)), forest.scores(rows(forest)))
        assert tuple(module.FEATURES) == forest.features


@kinds
def test_sympy(kind, tmp_path):
    for number, forest in enumerate(forests(NASTY[kind])):
        module = load(export(forest, "sympy", "A policy."), tmp_path / f"n{number}.py")
        assert [symbol.name for symbol in module.FEATURES] == list(forest.features)
        scores = forest.scores(rows(forest))
        for index, action in enumerate(forest.actions):
            # lambdify itself takes a symbol called tanh for the function
            plain = sympy.symbols(f"v:{len(forest.features)}", real=True)
            tree = module.TREES[action].xreplace(dict(zip(module.FEATURES, plain, strict=True)))
            function = sympy.lambdify(plain, tree, "math")
            found = [function(*row) for row in rows(forest)]
            np.testing.assert_allclose(found, scores[:, index], rtol=1e-9, atol=1e-9)


def check_c(forest, folder, name):
    (folder / f"{name}.c").write_text(export(forest, "c", "A policy."), encoding="utf-8")
    flags = ["-Wall", "-Werror", "-O0", "-ffp-contract=off", "-shared", "-fPIC"]
    # of GNU's dialect, which has the most macros
    command = ["gcc", "-std=gnu17", *flags, "-o", f"{name}.so", f"{name}.c", "-lm"]
    subprocess.run(command, cwd=folder, check=True)
    library = ctypes.CDLL(str(folder / f"{name}.so"))
    out = np.zeros(len(forest.trees))
    for row in rows(forest):
        library.scores(*(a.ctypes.data_as(ctypes.c_void_p) for a in (row, out)))
        np.testing.assert_allclose(out, forest.scores(row[None])[0], rtol=1e-14, atol=1e-14)


@pytest.mark.skipif(shutil.which("gcc") is None, reason="no C compiler")
@kinds
def test_c(kind, tmp_path):
    for number, forest in enumerate(forests(NASTY[kind])):
        check_c(forest, tmp_path, f"n{number}")


@pytest.mark.skipif(shutil.which("gcc") is None, reason="no C compiler")
def test_c_where_macros_have_the_features_names(tmp_path):
    names = macros()
    assert {"NAN", "M_PI", "linux", "__x86_64__"} & set(names)
    for number, forest in enumerate(forests(names)):
        check_c(forest, tmp_path, f"n{number}")


@kinds
def test_json_and_text(kind):
    for forest in forests(NASTY[kind]):
        assert Forest.from_json(export(forest, "json", "A policy.")) == forest
        assert Forest.from_text(forest.text(), forest.features) == forest


def as_mathtext(line):
    """A line of `aligned` without what matplotlib's mathtext does not know."""
    unknown = r"&=|\\\\$|\\[#&]|\"|\\text\{\\\w+\}"
    return f"${re.sub(unknown, '', line)}$"


@kinds
def test_latex(kind):
    """matplotlib's mathtext stands for LaTeX."""
    from matplotlib.mathtext import MathTextParser

    parser = MathTextParser("path")
    for forest in forests(NASTY[kind]):
        latex = export(forest, "latex", "A policy.")
        for line in latex.splitlines()[2:-1]:
            parser.parse(as_mathtext(line))
        assert re.sub(r"\\text\{\w\}", "", latex).isascii()


def test_latex_of_greek_and_raised_letters():
    forest = Forest.from_text("A = θ_dot + v² + x₁ + höhe", ("θ_dot", "v²", "x₁", "höhe"))
    assert forest.latex().splitlines()[1] == (
        r"\mathrm{A} &= \mathrm{\theta{}\_dot} + \mathrm{v^{2}} + \mathrm{x_{1}} + "
        r"\mathrm{h\text{ö}he}"
    )


@pytest.mark.parametrize(
    "names", [("lambda", "v²", "main", "__debug__"), ("json", "task", "act", "θ")]
)
def test_one_file_that_plays(names, tmp_path):
    forest = Forest.from_text(f"A0 = 0.5\nA1 = max({names[0]}, {names[1]})*{names[3]}", names)
    env = GymnasiumEnv(id="CartPole-v1", features=list(names))
    module = load(to_standalone(forest, env, None, "A policy."), tmp_path / "plays.py")
    np.testing.assert_array_equal(module.values(rows(forest)), forest.scores(rows(forest)))
    assert callable(module.main)


NOT_FEATURES = ("x y", "*/", "a*/b", "a\nb", "a\\b", 'a"""', "$x$", "a&b", "{x}", "50%", "²", "")


@pytest.mark.parametrize("name", NOT_FEATURES)
def test_other_names_are_refused_where_they_are_given(name):
    with pytest.raises(ValueError, match="cannot name a feature"):
        check_feature(name)
    env = GymnasiumEnv(id="CartPole-v1", features=["x", "v", "angle", name])
    with pytest.raises(ConfigError, match=r"env\.features: .* cannot name a feature") as refused:
        name_observation(env)
    assert len(str(refused.value).splitlines()) == 2


ACTIONS = ("*/", "/* a", "a_b", "50 %", "{x}", "~^&$#", 'a"""', "a\\", "'", "links (halb)", "höhe")


@pytest.mark.parametrize("action", ACTIONS)
def test_names_of_actions(action, tmp_path):
    forest = Forest(("x",), (action, "NOOP"), (0, 1), ((0,), (1.0,)))
    again = Forest.from_text(forest.text(), forest.features)
    assert again.actions == forest.actions
    for to in ("python", "sympy"):
        module = load(export(forest, to, "A policy."), tmp_path / f"{to}.py")
    assert action in module.TREES
    if shutil.which("gcc"):
        check_c(forest, tmp_path, "policy")
    from matplotlib.mathtext import MathTextParser

    MathTextParser("path").parse(as_mathtext(forest.latex().splitlines()[1]))


@pytest.mark.parametrize(
    "action", ["", " a", "a ", "a=b", "a\nb", "a\tb", "\N{RIGHT-TO-LEFT MARK}"]
)
def test_other_names_of_actions_are_refused(action):
    with pytest.raises(ValueError, match="cannot name an action"):
        check_action(action)
    with pytest.raises(ValueError, match="cannot name an action"):
        Forest(("x",), (action,), (0,), ((0,),))
