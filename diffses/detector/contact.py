"""What touching an object does, learned from a recording: rewards, lost lives, and what vanishes.

Actors are the player, and what it shoots: objects of the type that most often appears at the player
and moves away. A contact begins where an actor's box and an object's come within CONTACT_MARGIN px
of each other at some moment of a step.

Steps with a positive reward, steps with a negative one and steps that lose a life are three streams
of events. The rate of a stream's events is taken to be

    rate(t) = base + sum over the contacts c that began at t_c <= t of effect[c] * delay[t - t_c]

where `effect` is one number for each actor and type, the expected number of events that a contact
causes, and `delay` a distribution that all types share, of DELAY_SPREAD steps around one delay of
up to LONGEST_DEATH or LONGEST_REWARD steps, the likeliest: a game tells of every death after the
same animation.

It is a Poisson regression with an additive rate, fitted by expectation maximization: each event is
shared among the contacts before it and the base rate, by how likely each has caused it (Veen and
Schoenberg 2008, "Estimation of Space-Time Branching Process Models in Seismology Using an EM-Type
Algorithm", JASA 103). So types that are touched in the same steps share the credit, and where they
always are, the errors say that it cannot be told apart. Standard errors are from the observed
information. Effects are shrunk towards the mean of all types, as if each had been touched
PRIOR_CONTACTS times more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from diffses.detector.contact_value import UNKNOWN, Contact, Estimate, TypeContact
from diffses.detector.object_log import ObjectLog
from diffses.detector.offline_tracks import Trajectories
from diffses.detector.recording import Outcomes

CONTACT_MARGIN = 1.0  # px between two boxes that still touch
LONGEST_PAUSE = 3  # steps without contact within one contact
# Steps from a contact to what it causes, about. A life is counted as lost after an animation; a
# reward much later than the contact is earned by what happened in between.
LONGEST_DEATH, LONGEST_REWARD = 60, 12
PRIOR_CONTACTS = 2.0  # contacts with the mean effect that each type is given
DELAY_SPREAD = 4  # steps by which the delay varies
ITERATIONS = 100  # of expectation maximization
TINY = 1e-9  # events; keeps what is never touched from a division by zero
MIN_PROJECTILES = 5  # objects of a type that appear at the player and move away: its projectiles
MIN_PROJECTILE_SHARE = 0.15  # of the type's objects; others may shoot the same
PROJECTILE_DISTANCE = 4.0  # px from the player's box, a step before they appear
PROJECTILE_LEAVES = 16.0  # px from the player's box: it has left
LONGEST_RETURN = 10  # steps after which an object that is seen again has vanished
RETURN_MARGIN = 4.0  # px beyond its size, from where it would be, within which it has returned


@dataclass(frozen=True)
class ContactEffects:
    """What contact does, for each type."""

    touched: tuple[Contact, ...]  # by the player
    projectile: int | None  # index of the type that the player shoots
    own_share: float  # of that type's objects, the share that the player shoots; 0 without one
    hit: tuple[Contact, ...]  # by that type; empty without one


@dataclass(frozen=True)
class Contacts:
    """Contacts of one actor, one row each, by first frame."""

    kind: np.ndarray  # int64 (n,), type of the object
    first: np.ndarray  # int64 (n,), frame
    last: np.ndarray  # int64 (n,), frame
    end: np.ndarray  # int64 (n,), row of the log in the last frame
    rows: np.ndarray  # bool (rows of the log,): that are in contact


def contacts_of_types(
    tracks: Trajectories,
    kind: np.ndarray,
    kinds: int,
    player: int | None,
    outcomes: Outcomes | None,
) -> list[TypeContact]:
    """What contact with each type does, in a recording.

    Args:
        tracks: of the recording. kind: int64 (n,), the type of each row.
        kinds: the number of types. player: the type of the player; None: there is none.
        outcomes: of the recording; None: not known, and nothing is then known of contact.
    """
    if player is None or outcomes is None:
        return [UNKNOWN] * kinds
    log = ObjectLog.of_tracks(tracks, kind, len(outcomes.starts))
    found = contact_effects(
        log, kinds, player, outcomes.starts, outcomes.reward, outcomes.life_lost
    )
    hit = found.hit or (None,) * kinds
    return [
        TypeContact(
            _seen(one), _seen(other), found.own_share if number == found.projectile else 0.0
        )
        for number, (one, other) in enumerate(zip(found.touched, hit, strict=True))
    ]


def _seen(contact: Contact | None) -> Contact | None:
    """A contact that was seen; else None."""
    return contact if contact is not None and contact.count else None


def contact_effects(
    log: ObjectLog,
    kinds: int,
    player: int,
    starts: np.ndarray,
    reward: np.ndarray,
    life_lost: np.ndarray,
) -> ContactEffects:
    """What contact with each type does.

    Args:
        kinds: the number of types. player: the type of the player.
        starts: bool (frames,), where an episode begins.
        reward, life_lost: float and bool (frames,), of the step that led to each frame.
    """
    episode = np.cumsum(starts)
    moves = displacements(log)
    mine = player_rows(log, player, episode)
    shots = find_projectiles(log, kinds, player, mine, moves)
    apart = log.kind == player
    actors = [find_contacts(log, moves, mine, apart | shots.leaving)]
    if shots.kind is not None:
        rows = np.flatnonzero(shots.rows)
        places = np.column_stack([log.frame[rows], rows])
        actors.append(find_contacts(log, moves, places, apart | shots.rows))
    found = _effects(log, kinds, actors, episode, reward, life_lost)
    hit = () if shots.kind is None else found[1]
    return ContactEffects(found[0], shots.kind, shots.share, hit)


def displacements(log: ObjectLog) -> np.ndarray:
    """How far each row's object moves until the next frame, px, float64 (n, 2).

    Where it is not seen in the next frame, it goes on with its velocity.
    """
    order = np.lexsort((log.frame, log.track))
    one, two = order[:-1], order[1:]
    follows = (log.track[one] == log.track[two]) & (log.frame[one] + 1 == log.frame[two])
    moves = log.velocity.copy()
    centre = _centres(log)
    moves[one[follows]] = centre[two[follows]] - centre[one[follows]]
    return moves


def player_rows(log: ObjectLog, player: int, episode: np.ndarray) -> np.ndarray:
    """Frames and the player's row in each, int64 (n, 2).

    Where it is not seen, it is taken to be where it was for up to LONGEST_PAUSE steps: what it
    touches may hide it.

    Args:
        episode: int64 (frames,), number of each frame's episode.
    """
    row = np.full(log.frames, -1)
    mine = np.flatnonzero(log.kind == player)[::-1]
    row[log.frame[mine]] = mine  # of several the first
    for _ in range(LONGEST_PAUSE):
        earlier = np.concatenate([[-1], row[:-1]])
        same = np.concatenate([[False], episode[1:] == episode[:-1]])
        row = np.where((row < 0) & same, earlier, row)
    there = np.flatnonzero(row >= 0)
    return np.column_stack([there, row[there]])


class Projectiles(NamedTuple):
    """What the player shoots."""

    kind: int | None  # type; None: nothing
    share: float  # of the type's objects, those that came from the player; 0 without one
    rows: np.ndarray  # bool (rows of the log,): objects that came from the player
    leaving: np.ndarray  # bool (rows of the log,): those that have not left it yet


def find_projectiles(
    log: ObjectLog, kinds: int, player: int, mine: np.ndarray, moves: np.ndarray
) -> Projectiles:
    """What the player shoots: the type whose objects most often appear at the player and leave it.

    Others of the type are not the player's.

    Args:
        mine: of `player_rows`. moves: of `displacements`.
    """
    place = np.full(log.frames, -1)
    place[mine[:, 0]] = mine[:, 1]
    at = place[log.frame]
    away = (at >= 0) & (_gap(log.box, log.box[at]) > PROJECTILE_LEAVES).any(axis=1)
    leaves = np.full(int(log.track.max(initial=-1)) + 1, log.frames)  # frame, by track
    np.minimum.at(leaves, log.track[away], log.frame[away])

    _, new = ends_and_beginnings(log)
    born = np.flatnonzero(new & (log.frame > 0) & (at >= 0) & (moves != 0).any(axis=1))
    back = _meet(log.box[born], log.box[at[born]], -moves[born], PROJECTILE_DISTANCE)
    outward = ((_centres(log)[born] - _centres(log)[at[born]]) * moves[born]).sum(axis=1) > 0
    shot = back & outward & (leaves[log.track[born]] < log.frames)
    often = np.bincount(log.kind[born], minlength=kinds)
    own = np.bincount(log.kind[born], shot, kinds)
    share = np.where(own >= MIN_PROJECTILES, own / np.maximum(often, 1), 0.0)
    share[player] = 0.0
    best = int(np.argmax(share))
    if share[best] < MIN_PROJECTILE_SHARE:
        nothing = np.zeros(len(log.frame), bool)
        return Projectiles(None, 0.0, nothing, nothing)
    rows = np.isin(log.track, log.track[born[shot & (log.kind[born] == best)]])
    return Projectiles(best, float(share[best]), rows, rows & (log.frame < leaves[log.track]))


def _gap(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """The distance between boxes, float64 (n, 4) both, along each axis, px, float64 (n, 2);
    negative where they overlap."""
    return np.asarray(np.maximum(one[:, :2] - two[:, 2:], two[:, :2] - one[:, 2:]))


def _centres(log: ObjectLog) -> np.ndarray:
    """Of each row's box, px, float64 (n, 2)."""
    return np.asarray((log.box[:, :2] + log.box[:, 2:]) / 2)


def find_contacts(
    log: ObjectLog, moves: np.ndarray, actors: np.ndarray, apart: np.ndarray
) -> Contacts:
    """The contacts of an actor with all objects.

    Args:
        moves: of `displacements`.
        actors: int64 (m, 2), frames and the actor's row in each, by frame; there may be several in
            one.
        apart: bool (n,), rows that are not looked at.
    """
    first, end = np.searchsorted(actors[:, 0], [np.arange(log.frames), np.arange(log.frames) + 1])
    rows = np.flatnonzero(~apart)
    many = (end - first)[log.frame[rows]]
    one = np.repeat(rows, many)
    within = np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many)
    held = actors[first[log.frame[one]] + within]
    two = held[:, 1]
    still = (log.frame[two] != held[:, 0])[:, None]  # it hides, and is taken to stand
    relative = moves[one] - np.where(still, 0.0, moves[two])
    meet = _meet(log.box[one], log.box[two], relative, CONTACT_MARGIN)
    touching = np.zeros(len(log.frame), bool)
    touching[one[meet]] = True
    at = np.flatnonzero(touching)
    at = at[np.lexsort((log.frame[at], log.track[at]))]
    track, frame = log.track[at], log.frame[at]
    pauses = (np.diff(track) != 0) | (np.diff(frame) > LONGEST_PAUSE + 1)
    begins = np.concatenate([[0], np.flatnonzero(pauses) + 1]) if len(at) else np.zeros(0, int)
    ends = np.concatenate([begins[1:], [len(at)]])[: len(begins)] - 1
    order = np.argsort(frame[begins], kind="stable")
    begins, ends = begins[order], ends[order]
    return Contacts(log.kind[at[begins]], frame[begins], frame[ends], at[ends], touching)


def _meet(one: np.ndarray, two: np.ndarray, moves: np.ndarray, margin: float) -> np.ndarray:
    """Whether boxes come within `margin` px of each other in a step, bool (n,).

    Args:
        one, two: float64 (n, 4). moves: float64 (n, 2), of the first relative to the second.
    """
    between = (one[:, :2] + one[:, 2:] - two[:, :2] - two[:, 2:]) / 2
    reach = (one[:, 2:] - one[:, :2] + two[:, 2:] - two[:, :2]) / 2 + margin
    rests = moves == 0
    speed = np.where(rests, 1.0, moves)
    ways = np.stack([(-reach - between) / speed, (reach - between) / speed])
    inside = np.abs(between) <= reach
    begin = np.where(rests, np.where(inside, 0.0, np.inf), ways.min(axis=0)).max(axis=1)
    end = np.where(rests, np.where(inside, 1.0, -np.inf), ways.max(axis=0)).min(axis=1)
    return np.asarray(np.maximum(begin, 0) <= np.minimum(end, 1))


def _effects(
    log: ObjectLog,
    kinds: int,
    actors: Sequence[Contacts],
    episode: np.ndarray,
    reward: np.ndarray,
    life_lost: np.ndarray,
) -> list[tuple[Contact, ...]]:
    """For each actor, what contact with each type does."""
    cause = np.concatenate([kinds * n + found.kind for n, found in enumerate(actors)])
    first = np.concatenate([found.first for found in actors])
    count = kinds * len(actors)
    streams = [
        fit_effects(np.flatnonzero(here), size[here], first, cause, count, episode, longest)
        for here, size, longest in (
            (reward > 0, reward, LONGEST_REWARD),
            (reward < 0, reward, LONGEST_REWARD),
            (life_lost, np.ones(len(reward)), LONGEST_DEATH),
        )
    ]
    (gained, _), (lost, _), (lives, delay) = streams
    result = []
    for number, found in enumerate(actors):
        gone = vanishing(log, kinds, found, _undisturbed(episode, life_lost, delay))
        often = np.bincount(found.kind, minlength=kinds)
        contacts = []
        for kind in range(kinds):
            at = kinds * number + kind
            both = gained[at], lost[at]
            total = Estimate(
                both[0].value + both[1].value, float(np.hypot(both[0].error, both[1].error))
            )
            contacts.append(Contact(int(often[kind]), total, lives[at], gone[kind]))
        result.append(tuple(contacts))
    return result


def fit_effects(
    events: np.ndarray,
    size: np.ndarray,
    first: np.ndarray,
    cause: np.ndarray,
    causes: int,
    episode: np.ndarray,
    longest: int,
) -> tuple[list[Estimate], int]:
    """The expected size of the events that a contact causes, for each cause, and the delay, steps.

    Args:
        events: int64 (e,), frames of the events, increasing. size: float (e,), e.g. rewards.
        first: int64 (n,), the first frame of each contact.
        cause: int64 (n,), 0 to causes - 1: the actor and type of each contact.
        episode: int64 (frames,), number of each frame's episode.
        longest: the longest delay, steps.
    """
    often = np.bincount(cause, minlength=causes).astype(float)
    if not len(events):
        return [Estimate(0.0, 1 / (n + PRIOR_CONTACTS)) for n in often.tolist()], 0
    order = np.argsort(first, kind="stable")
    first, cause = first[order], cause[order]
    begin = np.searchsorted(first, events - longest - DELAY_SPREAD)
    many = np.searchsorted(first, events, "right") - begin
    event = np.repeat(np.arange(len(events)), many)
    contact = np.repeat(begin - np.cumsum(many) + many, many) + np.arange(many.sum())
    same = episode[first[contact]] == episode[events[event]]
    event, contact = event[same], contact[same]
    of, lag = cause[contact], events[event] - first[contact]
    delays = range(0, longest + 1, DELAY_SPREAD // 2)
    fits = [_maximize(event, of, lag, delay, often, len(events), len(episode)) for delay in delays]
    evidence = [
        fit.likelihood - (delay > 0) * np.log(longest + 1)
        for delay, fit in zip(delays, fits, strict=True)
    ]
    best = int(np.argmax(evidence))  # a late delay is one of many that might fit by chance
    return _estimates(event, of, fits[best], size, often), delays[best]


class _Fit(NamedTuple):
    """An additive Poisson model of one delay."""

    likelihood: float  # log, but for constants
    share: np.ndarray  # float64 (pairs,), of the event that the contact has caused
    alone: np.ndarray  # float64 (events,), the share of each that no contact has caused
    effect: np.ndarray  # float64 (causes,), expected events of a contact
    prior: float  # events that the prior adds to each cause


def _maximize(
    event: np.ndarray,
    of: np.ndarray,
    lag: np.ndarray,
    delay: int,
    often: np.ndarray,
    events: int,
    frames: int,
) -> _Fit:
    """Expectation maximization for one delay.

    Args:
        event, of, lag: int64 (pairs,): an event, the cause of a contact before it, and the steps
            between them.
        often: float64 (causes,), contacts.
    """
    weights = np.maximum(
        0, DELAY_SPREAD + 1 - np.abs(np.arange(LONGEST_DEATH + DELAY_SPREAD + 1) - delay)
    )
    chance = (weights / weights.sum())[lag]
    base = events / frames / 2
    effect = np.full(len(often), events / 2 / max(often.sum(), 1.0))
    for _ in range(ITERATIONS):
        share = effect[of] * chance
        rate = base + np.bincount(event, share, events)
        share /= rate[event]
        alone = base / rate
        credit = np.bincount(of, share, len(often))
        prior = PRIOR_CONTACTS * float(credit.sum()) / max(float(often.sum()), 1.0)
        effect = (credit + prior) / (often + PRIOR_CONTACTS)
        base = float(alone.sum()) / frames
    likelihood = float(np.log(rate).sum()) - base * frames - float(effect @ often)
    return _Fit(likelihood, share, alone, effect, prior)


def _estimates(
    event: np.ndarray, of: np.ndarray, fit: _Fit, size: np.ndarray, often: np.ndarray
) -> list[Estimate]:
    """Values and errors of a fit.

    The information that the events hold on the logarithms of the effects and of the base rate is
    the sum over events of the products of their shares; the prior adds its own. Sizes vary, too.
    """
    causes = len(often)
    table = np.zeros((len(size), causes + 1))
    np.add.at(table, (event, of), fit.share)
    table[:, causes] = fit.alone
    information = table.T @ table
    information[np.arange(causes), np.arange(causes)] += fit.prior
    information[np.arange(causes + 1), np.arange(causes + 1)] += TINY
    relative = np.sqrt(np.diag(np.linalg.inv(information)))[:causes]
    overall = float(size.mean())
    table = table[:, :causes]
    credit = table.sum(axis=0) + fit.prior + TINY
    mean = (size @ table + (fit.prior + TINY) * overall) / credit
    square = (size**2 @ table + (fit.prior + TINY) * overall**2) / credit
    spread = np.maximum(square - mean**2, 0) * fit.effect / (often + PRIOR_CONTACTS)
    least = abs(overall) / (often + PRIOR_CONTACTS)  # one event more or less
    errors = np.maximum(np.hypot(mean * fit.effect * relative, np.sqrt(spread)), least)
    return [Estimate(float(v), float(e)) for v, e in zip(mean * fit.effect, errors, strict=True)]


def vanishing(log: ObjectLog, kinds: int, found: Contacts, counts: np.ndarray) -> list[Estimate]:
    """The probability that an object vanishes at contact, beyond that without, for each type.

    An object vanishes in its last frame if none of its type appears where it would be within
    LONGEST_RETURN steps.

    Args:
        counts: bool (frames,), of `_undisturbed`: the frames that are looked at.
    """
    gone, _ = ends_and_beginnings(log)
    free = counts[log.frame] & ~found.rows
    often = np.bincount(log.kind[free], minlength=kinds)
    hazard = (np.bincount(log.kind[free], gone[free], kinds) + 0.5) / (often + 1)
    ended = gone[found.end].astype(float)
    expected = 1 - (1 - hazard[found.kind]) ** (found.last - found.first + 1)
    valid = counts[found.first] & counts[found.last]
    result = []
    for kind in range(kinds):
        mine = valid & (found.kind == kind)
        many = mine.sum() + PRIOR_CONTACTS
        more = (ended[mine] - expected[mine]).sum() / many
        share = (ended[mine].sum() + 0.5 * PRIOR_CONTACTS) / many
        result.append(Estimate(float(more), float(np.sqrt(share * (1 - share) / many))))
    return result


def ends_and_beginnings(log: ObjectLog) -> tuple[np.ndarray, np.ndarray]:
    """Rows in which an object vanishes, and rows in which one appears, bool (n,) both.

    A track that ends and another of the type that begins within LONGEST_RETURN steps where the
    object would then be are one object that was hidden: it neither vanishes nor appears.
    """
    order = np.lexsort((log.frame, log.track))
    track = log.track[order]
    last = order[np.diff(track, append=-1) != 0]
    born = order[np.diff(track, prepend=-1) != 0]
    born = born[np.argsort(log.frame[born], kind="stable")]
    centre, size = _centres(log), log.box[:, 2:] - log.box[:, :2]
    gone, new = np.zeros(len(log.frame), bool), np.zeros(len(log.frame), bool)
    gone[last], new[born] = True, True
    low = np.searchsorted(log.frame[born], log.frame[last], "right")
    high = np.searchsorted(log.frame[born], log.frame[last] + LONGEST_RETURN, "right")
    for row, first, end in zip(last, low, high, strict=True):
        others = born[first:end]
        others = others[log.kind[others] == log.kind[row]]
        later = (log.frame[others] - log.frame[row])[:, None]
        away = np.abs(centre[others] - centre[row] - later * log.velocity[row])
        back = others[(away <= size[row] + RETURN_MARGIN).all(axis=1)]
        gone[row] &= not len(back)
        new[back] = False
    return gone, new


def _undisturbed(episode: np.ndarray, life_lost: np.ndarray, delay: int) -> np.ndarray:
    """The frames that are not shortly before a lost life, told after `delay` steps, or before the
    end of an episode or of the recording, bool (frames,): then everything vanishes."""
    frames = np.arange(len(episode))
    dies = np.append(np.flatnonzero(life_lost), 3 * len(frames))
    before_death = dies[np.searchsorted(dies, frames)] - frames
    ends = np.append(np.flatnonzero(np.diff(episode)), len(frames) - 1)
    before_end = ends[np.searchsorted(ends, frames)] - frames
    dying = before_death <= delay + DELAY_SPREAD
    return np.asarray(~dying & (before_end > LONGEST_RETURN))
