"""Sweeps on GPUs that are not there: the whole program with the stand-in for its CUDA runtime, through the real orchestrator. Executors own a
GPU each by UUID, packs mix learning rates and seeds, some cells diverge, packs that do not fit are split, and every cell has the bits
that it has alone."""
import json
import subprocess

import h5py
import harness
import numpy
import pytest
from conftest import ground  # noqa: F401 (the fixture)

harness.PATIENCE = 600  # seconds: threads of a GPU are fibers of one core here

SWEEP = """
[sweep]
name = "gpus"
seeds = 4
[task]
name = "mqar"
kappa = 3
nu = 4
pairs = 2
[axes]
variant = ["mamba"]
learning_rate = [100, 0.001, 0.01]
T = [12]
[model]
d = 4
N = 4
[train]
batch = 4
steps = 8
[eval]
every = 4
eval_examples = 64
"""
KIND = "sm_00"


def sweep(ground, name, devices=4, **variables):
    one = ground(name, sweep=SWEEP)
    one.environment |= {"CUDA_ON_CPU_DEVICES": str(devices)} | {key: str(value) for key, value in variables.items()}
    one.environment.pop("CUDA_VISIBLE_DEVICES", None)
    return one


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The bits of every cell trained alone on one GPU."""
    one = harness.Ground(tmp_path_factory.mktemp("alone") / "run", sweep=SWEEP)
    code, said = one.run("--device", "cuda", "--pack", 1)
    assert code == 0, said  # a cell that diverges is a result
    return one.bits()


def slots(said):
    """slot -> GPU, as the run's beginning tells."""
    lines = [line.split() for line in said.splitlines() if " slot " in line and " GPU GPU-" in line]
    return {(line[1], line[4].rstrip(":")): line[6] for line in lines}


def handed_out(one):
    """The packs: cells that were started together."""
    packs = {}
    for line in one.journal():
        if line["kind"] == "started":
            packs.setdefault((line["where"], line["utc"]), []).append(line["cell"])
    return list(packs.values())


def test_four_executors_with_a_gpu_each_give_every_cell_its_own_bits(ground, alone):
    one = sweep(ground, "four")
    code, said = one.run("--device", "cuda", "--pack", "auto")
    assert code == 0, said
    assert len(slots(said)) == 4 and len(set(slots(said).values())) == 4, said
    assert max(map(len, handed_out(one))) >= 3, handed_out(one)
    assert one.bits() == alone
    with h5py.File(one.out / "results.h5") as file:
        assert file.attrs["device_kind"] == KIND
        assert file.attrs["gpus"] == f"4 x CUDA on the CPU, for tests ({KIND}, 4.0 GiB, driver CUDA 13.0)"
        status = numpy.asarray(file["status"]).reshape(3, 4)
        names = file["status"].attrs["flag_meanings"].split()
        assert {names[s] for s in status[0]} == {"diverged"} and {names[s] for s in status[1:].ravel()} == {"done"}
    one.check_each_cell_was_recorded_once()
    one.check_nothing_is_left()


def test_ranks_of_one_node_share_its_gpus(ground, alone):
    one = sweep(ground, "ranks")
    code, said = one.run("--device", "cuda", "--pack", 3, ranks=2)
    assert code == 0, said
    assert sorted(slot for slot, _ in slots(said)) == ["0", "0", "1", "1"] and len(set(slots(said).values())) == 4, said
    assert one.bits() == alone


def cell_fits(one, bytes):
    done = subprocess.run([one.program, "cell", str(one.sweep), "5", "--device", "cuda", "--json"], capture_output=True, text=True,
                          env=one.environment | {"CUDA_ON_CPU_MEMORY": str(bytes)})
    return json.loads(done.stdout)["status"] == "done"


def test_a_pack_that_does_not_fit_is_split(ground, alone):
    one = sweep(ground, "split", devices=1)
    little, much = 0, 1 << 26
    while much - little > 1 << 12:
        middle = (little + much) // 2
        little, much = (little, middle) if cell_fits(one, middle) else (middle, much)
    one.environment["CUDA_ON_CPU_MEMORY"] = str(int(1.4 * much))  # one cell and not two
    code, said = one.run("--device", "cuda", "--pack", 4)
    assert code == 0, said
    assert max(map(len, handed_out(one))) >= 4
    assert one.bits() == alone
    small = sweep(ground, "small", devices=1, CUDA_ON_CPU_MEMORY=little // 2)  # not even to begin: a cell that diverges early needs less
    assert small.run("--device", "cuda", "--pack", 4, "--canary", 0)[0] == 3
    with h5py.File(small.out / "results.h5") as file:
        names = file["status"].attrs["flag_meanings"].split()
        assert {names[s] for s in numpy.asarray(file["status"]).ravel()} == {"out_of_memory"}


@pytest.mark.parametrize("state, what", [
    ("no_driver", "no NVIDIA driver on this machine"),
    ("old_driver", "the NVIDIA driver is too old: it runs CUDA up to 11.4, this phasegrid was built with CUDA 13.0"),
    ("busy", "GPU-c0de0000-0000-0000-0000-000000000000 (CUDA on the CPU, for tests) is in exclusive mode and another process has it"),
    ("prohibited", 'is in compute mode "prohibited": nvidia-smi -c DEFAULT allows its use'),
    ("not_compiled", "for which this phasegrid was not compiled: -DPHASEGRID_CUDA_ARCHITECTURES=00"),
])
def test_what_is_wrong_with_a_gpu_is_one_line(state, what, ground):
    one = sweep(ground, state, devices=1, CUDA_ON_CPU_STATE=state)
    code, said = one.run("--device", "cuda")
    assert code == 2 and "--device cuda: rank 0 on " in said and what in said and len(said.splitlines()) == 1, said
    code, said = one.verb("cell", one.sweep, 5, "--device", "cuda")
    assert code == 2 and what in said and len(said.splitlines()) == 1, said


def test_no_gpu_at_all_is_said_with_where_was_looked(ground):
    one = sweep(ground, "none", CUDA_VISIBLE_DEVICES="")
    one.environment["CUDA_VISIBLE_DEVICES"] = ""
    code, said = one.run("--device", "cuda")
    assert code == 2 and "no GPU among CUDA_VISIBLE_DEVICES=" in said, said


def test_auto_takes_the_cpu_and_says_why(ground):
    one = sweep(ground, "auto", devices=1, CUDA_ON_CPU_STATE="old_driver")
    code, said = one.run()
    assert code == 0 and "no GPU is used: rank 0 on " in said and "the NVIDIA driver is too old" in said, said
    with h5py.File(one.out / "results.h5") as file:
        assert file.attrs["device_kind"].startswith("cpu-") and "gpus" not in file.attrs
    assert sweep(ground, "cpu").run("--device", "cpu")[1].count("GPU") == 0


def test_a_folder_keeps_its_device(ground, alone):
    one = sweep(ground, "kept")
    assert one.run("--device", "cpu")[0] == 0
    code, said = one.run("--device", "cuda")
    assert code == 2 and "cpu-" in said and KIND in said, said


def test_a_variant_that_lacks_a_kernel_stays_on_the_cpu(ground):
    one = ground("s4", sweep=SWEEP.replace('"mamba"', '"s4"'))
    code, said = one.run("--device", "cuda")
    assert code == 2 and "variant s4 (operation s4_kernel) runs on the CPU only" in said, said
    code, said = one.run()
    assert "no GPU is used: variant s4 (operation s4_kernel) runs on the CPU only" in said, said


def test_cublas_is_a_device_kind_of_its_own(ground, alone):
    one = sweep(ground, "fast")
    code, said = one.run("--device", "cuda", "--fast-gemm")
    assert code == 0 and f"device kind {KIND}+cublas" in said and len(set(slots(said).values())) == 4, said
    with h5py.File(one.out / "results.h5") as file:
        assert file.attrs["device_kind"] == KIND + "+cublas"
        assert file.attrs["gpus"].startswith(f"4 x CUDA on the CPU, for tests ({KIND}, ")
        accuracy = numpy.asarray(file["accuracy"])
    assert numpy.isfinite(accuracy).sum() == 8 and one.bits() != alone
    assert one.run("--device", "cuda", "--fast-gemm")[0] == 0  # again: nothing left to do, and nothing to complain about
    code, said = one.run("--device", "cuda")
    assert code == 2 and f"on {KIND}+cublas, this would add" in said and "--accept-mixed" in said and len(said.splitlines()) == 1, said
    assert one.run("--device", "cuda", "--accept-mixed")[0] == 0
    bits = one.bits()
    packed = sweep(ground, "fast_alone")
    assert packed.run("--device", "cuda", "--fast-gemm", "--pack", 1)[0] == 0 and packed.bits() == bits
    code, said = one.verb("cell", one.sweep, 5, "--device", "cuda", "--fast-gemm", "--json")
    assert code == 0 and json.loads(said)["accuracy"] == accuracy.ravel()[5], said


@pytest.mark.parametrize("verb", ["run", "cell"])
def test_cublas_needs_a_gpu(verb, ground):
    one = sweep(ground, "fast_" + verb)
    code, said = one.run("--device", "cpu", "--fast-gemm") if verb == "run" else one.verb("cell", one.sweep, 5, "--device", "cpu", "--fast-gemm")
    assert code == 2 and "--fast-gemm: cuBLAS needs a GPU, and this would train on cpu-" in said and len(said.splitlines()) == 1, said


def test_gangs_without_nccl_are_refused_at_the_start(ground):
    one = ground("gang", sweep=SWEEP.replace("batch = 4", "batch = 4\nreplicas = 2"))
    code, said = one.run("--device", "cuda")
    assert code == 2 and "replicas = 2 (this phasegrid was built without NCCL) runs on the CPU only" in said and len(said.splitlines()) == 1, said
    code, said = one.run("--slots", 2)
    assert code == 0 and "no GPU is used: replicas = 2 (this phasegrid was built without NCCL)" in said, said
