"""The Python reader on files written by the program."""
import matplotlib.pyplot as plt
import numpy as np
import phasegrid
import pytest
from phasegrid.__main__ import main as command

# One column of widths by three key counts and two variants; no cell is infeasible.
SWEEP = """\
[sweep]
name = "widths"
seeds = 3
[task]
name = "mqar"
nu = 8
[axes]
variant = ["mamba", "mamba2"]
d = [4, 8, 16]
kappa = [2, 4]
"""
CELLS = 2 * 3 * 2 * 3


@pytest.fixture
def ds(runs):
    return phasegrid.open(runs(SWEEP, CELLS))


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def test_open_takes_a_folder_or_a_file_and_decodes_status(runs):
    folder = runs(SWEEP, CELLS - 1)
    for path in (folder, str(folder), folder / "results.h5"):
        ds = phasegrid.open(path)
        status = ds.status.values.ravel()
        assert status[0] == "done" and status[1] == "diverged" and status[-1] == "pending"
        assert ds.nu == 8 and (ds.status == "done").sum() == CELLS - 2
    assert phasegrid.open(folder, group="trials").sizes["trial"] == CELLS - 1


def test_open_says_what_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no results.h5"):
        phasegrid.open(tmp_path)
    with pytest.raises(FileNotFoundError, match="does not exist"):
        phasegrid.open(tmp_path / "nothing.h5")


def test_mean_accuracy_averages_the_seeds_that_have_one(ds):
    accuracy = phasegrid.mean_accuracy(ds, "kappa", "d", variant="mamba")
    assert accuracy.dims == ("kappa", "d")
    assert accuracy.sel(kappa=2, d=4) == pytest.approx((0 + 2) / 2 / 97), "cell 1 diverged"
    assert accuracy.sel(kappa=4, d=8) == pytest.approx((9 + 10 + 11) / 3 / 97)


def test_mean_accuracy_names_the_axis_that_must_be_chosen(ds):
    with pytest.raises(ValueError, match="variant: has several values"):
        phasegrid.mean_accuracy(ds, "kappa", "d")
    with pytest.raises(ValueError, match="N: not an axis of this sweep"):
        phasegrid.mean_accuracy(ds, "N", "d", variant="mamba")


def test_mean_accuracy_is_that_of_the_best_rate(runs):
    ds = phasegrid.open(runs(SWEEP + 'learning_rate = { values = [0.001, 0.01], reduce = "max" }\n', 2 * CELLS))
    expected = ds.accuracy.sel(variant="mamba2", learning_rate=0.01).mean("seed").transpose("kappa", "d")
    assert np.allclose(phasegrid.mean_accuracy(ds, "kappa", "d", variant="mamba2"), expected)


def test_table_shows_rows_by_columns(runs):
    text = phasegrid.table(phasegrid.open(runs(SWEEP, CELLS - 3)))
    first, second = text.split("\n\n")
    assert first.splitlines()[0] == "variant = mamba" and second.splitlines()[0] == "variant = mamba2"
    assert first.splitlines()[1].split() == ["kappa", "\\", "d", "4", "8", "16"]
    assert first.splitlines()[3].split() == ["4", *(f"{x / 97:.3f}" for x in (4, 10, 16))]
    assert second.splitlines()[3].split()[-1] == "-", "nothing is known there"
    turned = phasegrid.table(phasegrid.open(runs(SWEEP, 3, name="b")), "d", "kappa", variant="mamba")
    assert turned.splitlines()[1].split() == ["d", "\\", "kappa", "2", "4"]


def test_heatmap_shows_the_mean_accuracy_of_each_cell(ds):
    ax = phasegrid.heatmap(ds, x="d", y="kappa", variant="mamba")
    mesh = ax.collections[0]
    assert np.allclose(mesh.get_array().reshape(2, 3), phasegrid.mean_accuracy(ds, "kappa", "d", variant="mamba"))
    assert mesh.get_clim() == (0, 1) and mesh.cmap.name == "cividis"
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["4", "8", "16"]
    assert ax.get_xticks().tolist() == [2, 3, 4], "powers of two lie evenly"
    assert "width" in ax.get_xlabel() and "keys" in ax.get_ylabel() and ax.get_title() == "mamba"


def test_heatmap_leaves_unknown_cells_hatched(runs):
    ax = phasegrid.heatmap(phasegrid.open(runs(SWEEP, 3)), variant="mamba")
    values = ax.collections[0].get_array().reshape(2, 3)
    assert np.ma.getmaskarray(values).tolist() == [[False, True, True], [True, True, True]]
    assert ax.patch.get_hatch()


def test_heatmap_draws_the_theory_lines_where_the_file_has_them(ds):
    def drawn(**options):
        lines = phasegrid.heatmap(ds, variant="mamba", **options).get_lines()
        return {line.get_label(): line for line in lines if not line.get_label().startswith("_")}

    exact = np.log2(np.array([2, 4]) + 3)  # kappa + log2 nu
    assert np.allclose(drawn()["theory: exact d"].get_xdata(), exact)
    assert drawn()["theory: exact d"].get_ydata().tolist() == [1, 2]
    assert np.allclose(drawn(x="kappa", y="d")["theory: exact d"].get_ydata(), exact)
    assert set(drawn()) < set(drawn(lines="all")) and not drawn(lines="none")
    assert "theory: exact d: s6_mqar_distinct" in drawn(lines="all")


def test_heatmap_orders_words_and_uneven_numbers_as_they_are(runs):
    ds = phasegrid.open(runs(SWEEP.replace("[4, 8, 16]", "[4, 5, 7]"), CELLS))
    ax = phasegrid.heatmap(ds, x="d", y="variant", kappa=4)
    assert ax.get_xticks().tolist() == [4, 5, 7]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["mamba", "mamba2"]


def test_the_command_draws_and_prints(runs, tmp_path, capsys):
    folder = runs(SWEEP, CELLS)
    assert command(["picture", str(folder), "-o", str(tmp_path / "out.png")]) == 0
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")
    assert command(["table", str(folder), "--rows", "d", "--columns", "kappa", "--select", "variant=mamba2"]) == 0
    assert capsys.readouterr().out == phasegrid.table(phasegrid.open(folder), "d", "kappa", variant="mamba2") + "\n"


def test_the_command_says_what_is_wrong(runs, tmp_path, capsys):
    folder = str(runs(SWEEP, 3))
    for words, complaint in {
        ("table", str(tmp_path / "nothing")): "does not exist",
        ("table", folder, "--rows", "N"): "N: not an axis",
        ("table", folder, "--select", "variant=lstm"): "no value lstm, expected one of mamba, mamba2",
    }.items():
        assert command(list(words)) == 2
        assert complaint in capsys.readouterr().err
