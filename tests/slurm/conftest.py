import shutil

import pytest

from cluster import Cluster
from sweep import FAKE, Sweep


@pytest.fixture
def cluster(tmp_path):
    """A fresh two-node Slurm for each test: some of them break it."""
    assert shutil.which("sbatch"), "no Slurm here: ./test --label ci installs slurmctld, slurmd, slurm-client and munge"
    one = Cluster(tmp_path / "slurm", FAKE)
    yield one
    one.stop()


@pytest.fixture
def sweep(cluster):
    """A sweep of cells that only sleep, made into a batch script; the worker is tests/orchestrator/fake_worker.cpp."""
    return lambda **options: Sweep(cluster, **options)
