"""nvcc compiles every .cu without a warning, and ptxas finds no spills, no stack frames and no more registers than docs/gpu.md says.

    nvcc_test.py SOURCE_DIR NVCC [--write] [--architectures 80,90,100]

Compares with the table between the marks of docs/gpu.md; --write puts a new one there. Registers are those of sm_90; other
architectures are checked for spills and frames only, since their numbers move with the toolkit.
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile

BEGIN, END = "<!-- ptxas begin -->", "<!-- ptxas end -->"
SPARE = 8   # registers that a kernel may gain before it counts as a regression: what another toolkit may change
MULTIPROCESSOR = {"registers": 65536, "shared": 227 * 1024, "threads": 2048, "blocks": 32}   # of sm_90


def demangled(text):
    return subprocess.run(["c++filt"], input=text, capture_output=True, text=True, check=True).stdout


def kernels_of(report):
    name, frame, found = "", None, {}
    for line in demangled(report).splitlines():
        if match := re.search(r"Compiling entry function '(.*)' for", line):
            name = re.sub(r"phasegrid::(kernels::(cuda::)?|tasks::|worker::)|^void |\(.*", "", match[1])
        elif match := re.search(r"(\d+) bytes stack frame, (\d+) bytes spill stores", line):
            frame = int(match[1]), int(match[2])
        elif match := re.search(r"Used (\d+) registers", line):
            shared = re.search(r"(\d+) bytes smem", line)
            found[name] = {"registers": int(match[1]), "shared": int(shared[1]) if shared else 0, "frame": frame[0], "spill": frame[1]}
    return found


def sources_of(root, nvcc):
    """All kernels; what talks to cuBLAS or NCCL where its header is."""
    folders = pathlib.Path(nvcc).resolve().parent.parent / "include", pathlib.Path("/usr/include")
    there = lambda header: any((folder / header).exists() for folder in folders)
    kernels = [path for folder in ("kernels", "tasks", "worker") for path in sorted((root / folder).glob("*/*.cu"))]
    kernels = [path for path in kernels if path.name != "cublas.cu" or there("cublasLt.h")]
    return kernels + (sorted((root / "worker").glob("*.cu")) if there("nccl.h") else [])


def compile_all(root, nvcc, architecture, problems):
    found = {}
    with tempfile.TemporaryDirectory() as scratch:
        for source in sources_of(root, nvcc):
            command = [nvcc, "-std=c++20", "-O3", "--Werror=all-warnings", "-Xptxas=-v", "-Xcompiler=-Wall,-Wextra,-Wno-psabi,-Werror",
                       f"-gencode=arch=compute_{architecture},code=sm_{architecture}", f"-I{root}", "-c", source, "-o", os.path.join(scratch, "x.o")]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode or re.search(r"\bwarning\b", done.stdout + done.stderr):
                problems.append(f"{source.relative_to(root)}: nvcc for sm_{architecture}:\n{done.stdout}{done.stderr}")
            found |= kernels_of(done.stdout + done.stderr)
    for name, k in found.items():
        if k["frame"] or k["spill"]:
            problems.append(f"{name} on sm_{architecture}: {k['frame']} bytes of stack frame, {k['spill']} of spills; expected none")
    return found


def threads_of(name):
    tiles = r"linear_(forward|input|weight)|ssd_(forward|backward)|attention_(forward|rows|query|key)|softsort_(multiply|rows|scores)"
    columns = r"^(conv|norm|block_delta)_weight_backward|(bias|eigenvalues|skip)_backward|long_conv_(table|fold)"
    ours = {"draw_sequences": 32, "lay_out_models": 1024, "invert_map": 512}   # of batches
    return ours[name] if name in ours else 64 if re.match(tiles, name) else 256 if re.search(columns, name) else 128


def warps_resident(name, k):
    threads = threads_of(name)
    blocks = min(MULTIPROCESSOR["blocks"], MULTIPROCESSOR["threads"] // threads, MULTIPROCESSOR["registers"] // (-(-k["registers"] // 8) * 8 * threads),
                 MULTIPROCESSOR["shared"] // (k["shared"] + 1024))
    return blocks * threads // 32


def table_of(found):
    rows = [f"| `{name}` | {k['registers']} | {k['shared']} | {warps_resident(name, k)} |" for name, k in sorted(found.items())]
    return "\n".join(["| kernel | registers | shared bytes | warps of 64 |", "|---|---|---|---|", *rows])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("nvcc")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--architectures", default="80,90,100")
    args = parser.parse_args()
    problems = []
    found = {a: compile_all(args.root, args.nvcc, a, problems) for a in args.architectures.split(",")}
    page = args.root / "docs" / "gpu.md"
    text = page.read_text()
    before, rest = text.split(BEGIN)
    old, after = rest.split(END)
    if args.write and "90" in found:
        page.write_text(f"{before}{BEGIN}\n{table_of(found['90'])}\n{END}{after}")
        old = table_of(found["90"])
    allowed = {m[1]: (int(m[2]), int(m[3])) for m in re.finditer(r"^\| `(.*)` \| (\d+) \| (\d+) \|", old, re.M)}
    for name, k in found.get("90", {}).items():
        if name not in allowed:
            problems.append(f"{name} is missing in the table of docs/gpu.md (run with --write)")
        elif k["registers"] > allowed[name][0] + SPARE or k["shared"] > allowed[name][1]:
            problems.append(f"{name}: {k['registers']} registers, {k['shared']} bytes of shared memory; docs/gpu.md has {allowed[name][0]} and {allowed[name][1]}")
    print("\n".join(problems) or f"{len(found.get('90', {}))} kernels, no warnings, no spills, no stack frames")
    return bool(problems)


sys.exit(main())
