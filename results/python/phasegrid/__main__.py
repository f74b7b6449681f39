"""python3 -m phasegrid picture DIR -o out.png        python3 -m phasegrid table DIR"""
from __future__ import annotations

import argparse
import sys

from . import open, picture, table


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python3 -m phasegrid", description="Shows the results of a phasegrid sweep.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    described = {"picture": "draw accuracy as a heat map with the theorems' lines", "table": "print mean accuracy"}
    for verb, what in described.items():
        sub = verbs.add_parser(verb, help=what, description=what)
        sub.add_argument("results", help="a run folder or a results file")
        sub.add_argument("--rows", default="kappa", help="the axis that goes down (default: kappa)")
        sub.add_argument("--columns", default="d", help="the axis that goes across (default: d)")
        sub.add_argument(
            "--select", action="append", default=[], metavar="AXIS=VALUE", help="fix another axis; may be repeated"
        )
    verbs.choices["picture"].add_argument("-o", "--output", required=True, help="the picture: .png, .pdf or .svg")
    options = parser.parse_args(arguments)
    try:
        ds = open(options.results)
        select = {name: _label(ds, name, text) for name, _, text in (item.partition("=") for item in options.select)}
        if options.verb == "table":
            print(table(ds, options.rows, options.columns, **select))
        else:
            picture(ds, options.columns, options.rows, **select).savefig(options.output, dpi=150)
    except (KeyError, OSError, ValueError) as error:
        print(f"phasegrid: {error}", file=sys.stderr)
        return 2
    return 0


def _label(ds, name: str, text: str):
    """The label of an axis that reads as the text."""
    if name not in ds.dims:
        raise ValueError(f"{name}: not an axis of this sweep, which has {', '.join(map(str, ds.dims))}")
    for label in ds[name].values.tolist():
        if str(label) == text:
            return label
    raise ValueError(f"{name}: no value {text}, expected one of {', '.join(map(str, ds[name].values.tolist()))}")


if __name__ == "__main__":
    sys.exit(main())
