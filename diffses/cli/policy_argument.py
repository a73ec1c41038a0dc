"""The argument that names a policy, of the commands that take one."""

from __future__ import annotations

import argparse

from diffses.cli.arguments import path
from diffses.zoo.champion import FOLDER, Champion
from diffses.zoo.open_policy import POLICIES, open_policy


def add_policy(parser: argparse.ArgumentParser) -> None:
    """Adds the policy's name, and which of an artifact's policies is meant."""
    parser.add_argument(
        "policy",
        metavar="POLICY",
        help="a shipped environment (pong), the start of an artifact's key, or a .json file",
    )
    parser.add_argument(
        "--which", choices=POLICIES, help="of the policies behind a key; the last one made"
    )
    parser.add_argument("--zoo", metavar="DIR", type=path, default=FOLDER, help=argparse.SUPPRESS)


def policy_of(options: argparse.Namespace) -> Champion:
    """The policy that the arguments name.

    Raises:
        ConfigError, ArtifactError: where there is no such policy.
    """
    name = str(path(options.policy)) if options.policy.startswith("~") else options.policy
    return open_policy(name, options.outputs, options.zoo, options.which)
