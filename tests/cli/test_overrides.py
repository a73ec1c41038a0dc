"""Every refused word of a command line is refused in words whose fix can be typed as it stands."""

import shlex
import string

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import ConfigCompositionException

from diffses.cli.hydra_errors import explain
from diffses.cli.main import main
from diffses.cli.overrides import HELP, mistake, refuse_mistakes
from diffses.pipeline import wanted

OBJECTS = "teacher=ppo_objects"
FILE = "teacher=checkpoint"
PPO = "finetune=constants"
ZEROS = "crossover:0,subtree:0,hoist:0,point:0,constants:0,graft:0,regroup:0"


def refusal(config, words):
    """(problem, fix) of what is wrong with a command line; None where nothing is.

    Of a sweep only the words are looked at.
    """
    overrides = [word for word in words if word != "-m"]
    try:
        refuse_mistakes(overrides)
        if "-m" not in words:
            wanted(config(*overrides))
    except Exception as error:
        return explain(error)
    return None


# command line, its last word the wrong one; part of the problem; part of the fix
TABLE = [
    # a group: + and ++, null, a value, a list, ~, @
    ("+experiment=smoke", "a variant is chosen without +", "experiment=smoke"),
    ("++logger=none", "a variant is chosen without +", "logger=none"),
    ("+env=breakout", "a variant is chosen without +", "env=breakout"),
    ("logger=null", "logger takes the name of a variant", "logger=none"),
    ("finetune=null", "finetune takes the name of a variant", "finetune=none"),
    ("teacher=null", "teacher takes the name of a variant", "teacher=<one of checkpoint, hub,"),
    ("experiment=null", "experiment takes the name", "experiment=<one of ablation, long, paper,"),
    ("teacher=3", "teacher=3: there is no such variant", "teacher=<one of checkpoint, hub, ppo,"),
    ("teacher=true", "teacher=true: there is no such variant", "teacher=<one of checkpoint, hub,"),
    ("env=[pong,breakout]", "one run takes one env", "env=pong,breakout -m"),
    ("teacher=[ppo]", "one run takes one teacher", "teacher=ppo"),
    ("teacher=[]", "one run takes one teacher", "teacher=<one of checkpoint, hub, ppo,"),
    ("~logger", "every run has a logger", "logger=none"),
    ("~teacher=ppo", "every run has a teacher", "teacher=<one of checkpoint, hub, ppo,"),
    ("env@there=pong", "env has one place, no @", "env=pong"),
    ("env=pang", "env=pang: there is no such variant", "env=pong"),
    ("env=", "env=: there is no such variant", "env=<one of acrobot, ale, boxing,"),
    ("teacher=range(1,3)", "teacher takes names, not numbers", "teacher=<one of checkpoint,"),
    # a setting: +, ~, @
    ("+seed=3", "seed is a setting already, no + before it", "seed=3"),
    ("+env.labels=3", "env.labels is a setting already", "env.labels=3"),
    ("~seed", "a setting always has a value", "leave out '~seed'"),
    ("~env.labels", "a setting always has a value", "leave out '~env.labels'"),
    ("seed@there=3", "seed has one place, no @", "seed=3"),
    # several values where one is wanted, and the other way round
    ("seed=1,2", "Ambiguous value seed=1,2: one run takes one value", "seed=1,2 -m"),
    ("seed=range(1,3)", "one run takes one value", "'seed=range(1,3)' -m"),
    ("seed=[1,2]", "seed: one value is wanted, not a list", "seed=1,2 -m"),
    ("seed=[1]", "seed: one value is wanted, not a list", "seed=1"),
    ("seed={a:1}", "seed: one value is wanted, not a mapping", "seed=<a whole number>"),
    ("finetune.operators=add", "operators: a list is wanted", "'finetune.operators=[add]'"),
    ("finetune.operators=add,sub", "a list has brackets", "'finetune.operators=[add,sub]'"),
    (f"{OBJECTS} teacher.net_arch=64", "a list is wanted", "'teacher.net_arch=[64]'"),
    (f"{OBJECTS} teacher.net_arch=[64,a]", "teacher.net_arch[1]: Value 'a'", "<a list: [a whole"),
    ("finetune.variation=3", "finetune.variation: a mapping is wanted", "<a mapping: {NAME:a"),
    ("dataset.states=null", "dataset.states: it cannot be null", "dataset.states=<a whole number>"),
    ("stage=[]", "stage=[] names no stage", "stage=all"),
    ("force=distill", "force: a list is wanted", "'force=[distill]'"),
    (f"{FILE} teacher.path=null", "teacher.path: it cannot be null", "teacher.path=<an existing"),
    # not of the form name=value
    ("seed", "seed has no value", "seed=<a whole number>"),
    ("seed==3", "seed==3 is not of the form name=value", "seed=3"),
    ("seed 3", "seed 3 is not of the form name=value", "seed=3"),
    ("=3", "=3 names no setting", HELP),
    ("~", "~ names no setting", HELP),
    ("", " is not of the form name=value", HELP),
    ("hydra=3", "hydra=3 names no setting", HELP),
    ("a=[", "a=[ is not of the form name=value", HELP),
    ("seed=(", "seed=(: the value cannot be read", "seed=<a whole number>"),
    ("größe=3", "größe: a name has the letters a to z, digits and _", HELP),
    ("+env.labels.größe=largest", "a name has the letters a to z", HELP),
    # a name that does not exist, or not here
    ("teachr=ppo", "there is no setting or group teachr", "teacher=ppo"),
    ("sead=1", "there is no setting or group sead", "seed=1"),
    ("hydra.foo=3", "there is no setting or group hydra.foo", HELP),
    ("teacher.n_envs=9", "the chosen teacher has no setting", "teacher=ppo teacher.n_envs=9"),
    ("env.id=Blob-v0", "the chosen env has no setting env.id", "env=gymnasium env.id=Blob-v0"),
    (f"{FILE} teacher.path=${{HOME}}/a", "no setting HOME to take", "${oc.env:HOME}"),
    ("finetune=ablation/ful", "finetune=ablation/ful: there is no", "finetune=ablation/full"),
    ("env=cartpole teacher=ppo", "conf/env/cartpole.yaml sets teacher.", "teacher=ppo_objects"),
    ("experiment=ablation finetune=none", "ablation.yaml sets finetune.steps", "finetune=guided"),
    # quotes
    ("env=cartpole env.features=[v²,a,b,c]", "with ² is quoted", "env.features=[\"v²\",a,b,c]"),
    (f"{FILE} teacher.path=runs/epoch=3.zip", "with = is", """'teacher.path="runs/epoch=3.zip"'"""),
    (f"{FILE} teacher.path=a(b).zip", "a value with ( ) is", """'teacher.path="a(b).zip"'"""),
    (f"{FILE} teacher.path=ä/日.zip", "a value with ä 日 is", """'teacher.path="ä/日.zip"'"""),
    (f"{FILE} teacher.path=~/a.zip", "a value with ~ is", """'teacher.path="~/a.zip"'"""),
    (f"{FILE} teacher.path=a,b.zip", "a value with , is", """'teacher.path="a,b.zip"'"""),
    (f"{FILE} teacher.path=it's", "a value with ' is", "'teacher.path=\"it'\"'\"'s\"'"),
    (f"{FILE} teacher.path=1e5", "Hydra reads 100000.0", """'teacher.path="1e5"'"""),
    ("hydra.run.dir=a=b", "a value with = is", """'hydra.run.dir="a=b"'"""),
    # out of range
    ("teacher=ppo teacher.total_timesteps=9", "less than one rollout", "_timesteps=2048"),
    ("teacher=ppo teacher.batch_size=9999", "more than one rollout", "teacher.batch_size=2048"),
    ("dataset.states=150 dataset.rounds=100", "cannot be divided", "dataset.rounds=12"),
    ("env.sticky=0", "search, validation and test", "env.sticky=0.01"),
    ("finetune.gradient=1", "add up to more than 1: 1.1", "finetune.gradient=0.1"),
    ("finetune.starts=[]", "finetune.starts is empty", "finetune.starts=[pursuit,random]"),
    (f"finetune.variation={{{ZEROS}}}", "the odds are", "finetune.variation.crossover=0.2"),
    (f"{OBJECTS} teacher.ent_coef=nan", "ent_coef=nan is out", "teacher.ent_coef=<0 or more>"),
    (f"{PPO} finetune.clip_range=-1", "clip_range=-1.0 is out", "finetune.clip_range=<more"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "problem", "fix"), TABLE, ids=[row[0] for row in TABLE])
def test_the_fix_of_a_refused_word_gets_further(config, line, problem, fix):
    words = [line] if line in ("", "seed 3") else line.split(" ")
    found = refusal(config, words)
    assert found is not None
    assert problem in found[0]
    assert "\n" not in found[0]
    assert fix in found[1]
    if "<" in found[1] or found[1] == HELP:  # what to type is the reader's choice
        return
    if found[1].startswith("leave out "):
        words.remove(shlex.split(found[1])[-1])
    else:
        instead = shlex.split(found[1])
        again = {word.partition("=")[0] for word in instead}
        words = [word for word in words[:-1] if word.partition("=")[0] not in again] + instead
    assert refusal(config, words) != found


def value_of(word):
    """What Hydra reads; a sweep is None."""
    override = OverridesParser.create().parse_override(word)
    return None if override.is_sweep_override() else override.value()


PAIRS = [*string.punctuation, " ", "ä", "日"]


@pytest.mark.parametrize("first", PAIRS)
def test_every_path_arrives_as_it_was_typed_or_is_quoted(first):
    for second in ("", *PAIRS):
        for text in (f"a{first}{second}b.zip", f"a.zip{first}{second}"):
            word = f"teacher.path={text}"
            found = mistake(word)
            if found is not None:
                (typed,) = shlex.split(found[1])
                assert value_of(typed) == text
            elif first != "\\" and " " not in (first, second):  # Hydra's own escapes, and stripping
                assert value_of(word) in (text, None)


def test_a_comma_in_a_path_is_no_sweep(config):
    _, fix = refusal(config, [FILE, "teacher.path=a,b.zip"])
    assert config(FILE, *shlex.split(fix)).teacher.path == "a,b.zip"


def test_words_that_hydra_takes_are_taken(config):
    for words in (
        ["~experiment"],
        ["++seed=3"],
        ["+env.labels.ball2=largest"],
        ["env.labels.ball=largest"],
        ["seed=1,2", "-m"],
        ["outputs=2024"],
        ["hydra/launcher=joblib"],
    ):
        assert refusal(config, words) is None


def test_the_command_looks_at_its_words_first(capsys):
    assert main(["env=pong", "teacher=3"]) == 1
    problem, fix = capsys.readouterr().err.splitlines()
    assert problem == "ERROR teacher=3: there is no such variant"
    assert fix.startswith("  fix: teacher=<one of checkpoint, hub, ppo, ppo_objects, pretrained,")


def test_a_misspelt_setting_keeps_its_whole_value(config):
    with pytest.raises(ConfigCompositionException) as refused:
        config("finetune.startz=[linear, random]")
    assert explain(refused.value) == (
        "there is no setting or group finetune.startz",
        "'finetune.starts=[linear, random]'",
    )
