import json
import multiprocessing
import time
from datetime import UTC, datetime, timedelta

import pytest

from diffses.cli.store import main
from diffses.errors import ArtifactError
from diffses.pipeline import STAGES, why
from diffses.store import Store, Workspace
from diffses.store.keys import Spec
from diffses.store.store import atomic_write, exclusive_lock


def spec(rate=0.1, version=1, parents=None):
    return Spec("teacher", version, {"teacher": {"rate": rate}}, parents or {})


def write(text):
    return lambda workspace: (workspace.out / "model.txt").write_text(text)


def test_second_call_reads_the_first(tmp_path):
    store = Store(tmp_path)
    store.get_or_build(spec(), write("first"))
    path = store.get_or_build(spec(), write("second"))
    assert (path / "model.txt").read_text() == "first"


def test_rebuild_replaces_the_artifact(tmp_path):
    store = Store(tmp_path)
    store.get_or_build(spec(), write("first"))
    time.sleep(0.002)
    forced = datetime.now(UTC)
    time.sleep(0.002)
    path = store.get_or_build(spec(), write("second"), rebuild_if_before=forced)
    # another job of the same sweep
    store.get_or_build(spec(), write("third"), rebuild_if_before=forced)
    assert (path / "model.txt").read_text() == "second"
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_what_a_forced_stage_shares_is_forced_too(tmp_path):
    store, seen = Store(tmp_path), []
    now = datetime.now(UTC)

    def make(workspace):
        seen.append(workspace.rebuild_if_before)
        write("x")(workspace)

    store.get_or_build(spec(), make)
    store.get_or_build(spec(), make, rebuild_if_before=now + timedelta(hours=1))
    assert seen == [None, now + timedelta(hours=1)]


def test_a_damaged_artifact_is_replaced_when_it_is_forced(tmp_path):
    store = Store(tmp_path)
    path = store.get_or_build(spec(), write("first"))
    (path / "model.txt").write_text("damaged")
    time.sleep(0.002)
    store.get_or_build(spec(), write("second"), rebuild_if_before=datetime.now(UTC))
    assert (path / "model.txt").read_text() == "second"


def test_a_torn_manifest_is_an_error_with_its_remedy_when_it_is_forced(tmp_path):
    store = Store(tmp_path)
    path = store.get_or_build(spec(), write("first"))
    (path / "manifest.json").write_text("{")
    with pytest.raises(ArtifactError, match=f"store rm {path.name}"):
        store.get_or_build(spec(), write("second"), rebuild_if_before=datetime.now(UTC))


def test_a_damaged_neighbour_does_not_hinder_the_plan(tmp_path):
    store = Store(tmp_path)
    whole = store.get_or_build(spec(rate=0.1), write("x"))
    torn = store.get_or_build(spec(rate=0.2), write("x"))
    (torn / "manifest.json").write_text("{")
    told = why(store, spec(rate=0.3))
    assert told == f"config.teacher.rate 0.1 -> 0.3 since {whole.name}"


def test_a_file_is_written_again_whatever_was_written_before(tmp_path):
    path = tmp_path / "state.json"
    atomic_write(path, "same")
    path.unlink()
    atomic_write(path, "same")
    assert [p.name for p in tmp_path.iterdir()] == ["state.json"]


def test_the_manifest_answers_what_made_this(tmp_path):
    path = Store(tmp_path).get_or_build(spec(), write("x"))
    manifest = json.loads((path / "manifest.json").read_text())
    assert manifest["config"] == {"teacher": {"rate": 0.1}}
    assert list(manifest["files"]) == ["model.txt"]
    assert manifest["packages"]["torch"]
    assert manifest["seconds"] >= 0
    assert {"stage", "version", "parents", "git", "started", "layout"} <= manifest.keys()


def test_a_crash_leaves_no_artifact_but_keeps_scratch(tmp_path):
    store = Store(tmp_path)

    def crash(workspace: Workspace):
        (workspace.out / "half.txt").write_text("half")
        (workspace.scratch / "step_5.ckpt").write_text("5")
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        store.get_or_build(spec(), crash)
    assert store.find(spec()) is None
    assert store.resumable(spec())

    def resume(workspace: Workspace):
        assert (workspace.scratch / "step_5.ckpt").read_text() == "5"
        assert list(workspace.out.iterdir()) == []
        (workspace.out / "model.txt").write_text("whole")

    path = store.get_or_build(spec(), resume)
    assert sorted(p.name for p in path.iterdir()) == ["manifest.json", "model.txt"]
    assert not store.resumable(spec())


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda path: (path / "model.txt").write_text("y"), "model.txt is damaged"),
        (lambda path: (path / "model.txt").unlink(), "model.txt is missing"),
        (lambda path: (path / "more.txt").write_text(""), "more.txt does not belong"),
        (lambda path: (path / "manifest.json").write_text("{"), "manifest.json cannot be read"),
    ],
    ids=["changed", "missing", "extra", "manifest"],
)
def test_a_damaged_artifact_is_named_and_refused(tmp_path, harm, message):
    store = Store(tmp_path)
    path = store.get_or_build(spec(), write("x"))
    harm(path)
    with pytest.raises(ArtifactError, match=rf"{message}(.|\n)*fix: .*store rm {path.name}"):
        store.get_or_build(spec(), write("z"))


def test_another_configuration_under_the_same_key_is_refused(tmp_path):
    store = Store(tmp_path)
    path = store.get_or_build(spec(), write("x"))
    manifest = json.loads((path / "manifest.json").read_text())
    manifest["config"]["teacher"]["rate"] = 0.7
    (path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ArtifactError, match="another configuration"):
        store.open(spec())


def _build(root, barrier, built):
    def make(workspace):
        built.put("once")
        time.sleep(0.2)  # long enough for the others to pass their first look and wait
        write("x")(workspace)

    barrier.wait()
    Store(root).get_or_build(spec(), make)


def test_four_processes_build_once(tmp_path):
    context = multiprocessing.get_context("fork")
    barrier, built = context.Barrier(4), context.SimpleQueue()
    jobs = [context.Process(target=_build, args=(tmp_path, barrier, built)) for _ in range(4)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert [job.exitcode for job in jobs] == [0] * 4
    assert built.get() == "once"
    assert built.empty()


def _hold(lock, held, release):
    with exclusive_lock(lock):
        held.set()
        release.wait()


def test_a_waiting_process_says_who_holds_the_lock(tmp_path, caplog):
    context = multiprocessing.get_context("fork")
    held, release = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(tmp_path / "a", held, release))
    other.start()
    held.wait()
    caplog.set_level("INFO", logger="diffses")
    context.Process(target=lambda: (time.sleep(0.3), release.set())).start()
    with exclusive_lock(tmp_path / "a"):
        assert f"process {other.pid} on" in caplog.text
    other.join()


def cli(capsys, tmp_path, *arguments):
    assert main(["--outputs", str(tmp_path), *arguments]) == 0
    return capsys.readouterr().out


def test_the_command_lists_shows_checks_and_removes(tmp_path, capsys):
    path = Store(tmp_path).get_or_build(spec(), write("x"))
    assert path.name in cli(capsys, tmp_path, "ls")
    assert json.loads(cli(capsys, tmp_path, "show", path.name[:6]))["stage"] == "teacher"
    assert "whole" in cli(capsys, tmp_path, "verify")
    cli(capsys, tmp_path, "rm", path.name)
    assert not path.exists()


def test_verify_fails_on_a_damaged_artifact(tmp_path, capsys):
    path = Store(tmp_path).get_or_build(spec(), write("x"))
    (path / "model.txt").write_text("y")
    assert main(["verify", "--outputs", str(tmp_path)]) == 1
    captured = capsys.readouterr()
    assert "damaged" in captured.out
    assert "fix:" in captured.err


def test_gc_removes_what_no_run_reads_again(tmp_path, capsys):
    store = Store(tmp_path)
    now = STAGES["teacher"].version
    current = store.get_or_build(spec(version=now), write("x"))
    old = store.get_or_build(spec(version=now - 1), write("x"))
    with pytest.raises(ZeroDivisionError):
        store.get_or_build(spec(rate=0.2), lambda workspace: 1 / 0)
    cli(capsys, tmp_path, "gc", "--dry-run")
    assert old.exists()
    cli(capsys, tmp_path, "gc")
    assert [p.name for p in current.parent.iterdir()] == [current.name]


def test_gc_leaves_what_is_no_artifact(tmp_path, capsys):
    pictures = tmp_path / "pictures" / "pong"
    pictures.mkdir(parents=True)
    cli(capsys, tmp_path, "gc")
    assert pictures.exists()


def test_gc_removes_what_was_made_from_what_is_no_longer_made(tmp_path, capsys):
    store = Store(tmp_path)
    now = STAGES["teacher"].version
    parents = {"teacher": store.get_or_build(spec(version=now - 1), write("x")).name}
    child = store.get_or_build(spec(version=now, parents=parents), write("x"))
    parents = {"teacher": store.get_or_build(spec(version=now), write("x")).name}
    current = store.get_or_build(spec(version=now, parents=parents), write("x"))
    cli(capsys, tmp_path, "gc")
    assert not child.exists()
    assert current.exists()
    cli(capsys, tmp_path, "rm", parents["teacher"])
    said = cli(capsys, tmp_path, "gc")
    assert f"removed {current} (teacher {parents['teacher']} is there no more)" in said


def test_gc_leaves_what_is_being_built(tmp_path, capsys):
    store = Store(tmp_path)
    partial = store.partial(spec())
    (partial / "out").mkdir(parents=True)
    with exclusive_lock(tmp_path / ".locks" / f"teacher-{spec().key}"):
        cli(capsys, tmp_path, "gc")
        assert partial.exists()
    cli(capsys, tmp_path, "gc")
    assert not partial.exists()


def test_a_manifest_that_cannot_be_read_is_told_and_removed(tmp_path, capsys):
    torn = Store(tmp_path).get_or_build(spec(), write("x"))
    (torn / "manifest.json").write_text('{"sta')
    assert "damaged" in cli(capsys, tmp_path, "ls")
    cli(capsys, tmp_path, "gc")
    assert not torn.exists()


def test_what_is_no_artifact_is_not_removed(tmp_path, capsys):
    log = tmp_path / "logs" / "2026-01-01"
    log.mkdir(parents=True)
    assert main(["--outputs", str(tmp_path), "rm", "2026"]) == 1
    assert log.exists()


def test_an_artifact_of_an_older_layout_is_named_and_collected(tmp_path, capsys):
    store = Store(tmp_path)
    now = STAGES["teacher"].version
    current = store.get_or_build(spec(version=now), write("x"))
    former = store.get_or_build(spec(rate=0.2, version=now), write("x"))
    manifest = former / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"layout": 2', '"layout": 1'))
    listed = {line.split()[1]: line for line in cli(capsys, tmp_path, "ls").splitlines()}
    assert listed[former.name].endswith("was made before layout 2: layout 1")
    assert listed[current.name].rstrip().endswith("0.00")
    assert "made before layout 2" in cli(capsys, tmp_path, "gc", "--dry-run")
    cli(capsys, tmp_path, "gc")
    assert (former.exists(), current.exists()) == (False, True)


def test_the_plan_compares_settings_within_a_layout(tmp_path):
    store = Store(tmp_path)
    former = store.get_or_build(spec(), write("x")) / "manifest.json"
    former.write_text(former.read_text().replace('"layout": 2', '"layout": 1'))
    assert why(store, spec(rate=0.3)) == "built only before layout 2"
