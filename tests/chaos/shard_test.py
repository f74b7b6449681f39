"""Sweeps in parts: shards joined again, a sweep that grows, numerics that must not mix unasked."""
import json

from harness import SWEEP

CELLS = 24


def test_four_shards_merged_have_the_bits_of_one_run(ground, reference):
    shards = [ground(f"shard{number}") for number in range(1, 5)]
    sizes = []
    for number, one in enumerate(shards, 1):
        code, said = one.run("--shard", f"{number}/4")
        assert code == 0 and f"shard {number}/4" in said, said
        assert one.verb("status", one.out, "--exit-code")[0] == 0, "all cells of the shard are there"
        status = json.loads(one.verb("status", one.out, "--json")[1])
        assert status["shard"] == f"{number}/4" and status["missing"] == 0
        sizes.append(one.recorded())
    assert sizes == [CELLS / 4] * 4
    whole = ground("whole")
    code, said = whole.verb("merge", *(one.out for one in shards), "-o", whole.out)
    assert code == 0, said
    assert whole.bits() == reference
    assert whole.verb("status", whole.out, "--exit-code")[0] == 0
    code, said = whole.run()  # nothing is left to do
    assert code == 0 and "0 cells to do" in said, said


def test_merge_of_some_shards_leaves_the_rest_to_run(ground, reference):
    shards = [ground(f"shard{number}") for number in (1, 3)]
    for number, one in zip((1, 3), shards):
        assert one.run("--shard", f"{number}/4")[0] == 0
    whole = ground("whole")
    assert whole.verb("merge", *(one.out for one in shards), "-o", whole.out)[0] == 0
    assert whole.verb("status", whole.out, "--exit-code")[0] == 75
    assert whole.run()[0] == 0
    whole.check_each_cell_was_recorded_once()
    assert whole.bits() == reference


def test_merge_reports_a_cell_with_other_bits_with_exit_code_3(fake, tmp_path):
    first, second = fake("first"), fake("second")
    second.environment["FAKE_OTHER_BITS"] = "7"
    for one in (first, second):
        assert one.run("--slots", 2)[0] == 0
    code, said = first.verb("merge", first.out, second.out, "-o", tmp_path / "both")
    assert code == 3 and "cell 7 " in said and "1 cell was trained twice with different results" in said, said
    assert first.verb("merge", first.out, "-o", tmp_path / "both")[0] == 0


def test_a_finished_sweep_grows_by_its_new_cells_only(fake):
    one = fake()
    assert one.run("--slots", 2)[0] == 0
    small = SWEEP
    one.sweep.write_text(small.replace("d = [4, 8, 16]", "d = [2, 4, 8, 16]").replace("seeds = 2", "seeds = 3"))
    code, said = one.run("--slots", 2)
    assert code == 0 and "the sweep was extended: 24 results kept" in said, said
    assert one.recorded() == 4 * 2 * 2 * 3
    whole = fake("whole")
    whole.sweep.write_text(one.sweep.read_text())
    assert whole.run("--slots", 2)[0] == 0
    assert one.bits() == whole.bits()

    one.sweep.write_text(small)
    code, said = one.run()
    assert code == 2 and "is missing now" in said and "folder: axis d = 2 4 8 16" in said, said
    one.sweep.write_text(small.replace("steps = 120", "steps = 121"))
    code, said = one.run()
    assert code == 2 and "steps = 121" in said, said


def test_device_kinds_mix_only_when_asked_and_each_cell_says_its_own(ground):
    one = ground()
    assert one.run("--shard", "1/2", "--device-kind", "cpu-portable")[0] == 0
    code, said = one.run("--device-kind", "cpu-avx2")
    assert code == 2 and "--accept-mixed" in said, said
    assert one.run("--device-kind", "cpu-avx2", "--accept-mixed")[0] == 0
    import h5py

    with h5py.File(one.out / "results.h5") as file:
        kinds = [kind.decode() for kind in file["cell_device_kind"][...].ravel()]
    assert kinds.count("cpu-portable") == kinds.count("cpu-avx2") == CELLS / 2
    assert "on cpu-" in one.verb("explain", one.out, 3)[1]
