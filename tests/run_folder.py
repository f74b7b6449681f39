"""What tests of whole runs share: waiting, and what the journals of a run folder must say."""
import json
import time


def wait_until(condition, what, patience=60, pause=0.002):
    """Polls: what is waited for happens in other processes. `what` may be a function: it is asked when patience ends."""
    end = time.monotonic() + patience
    while not (result := condition()):
        if time.monotonic() >= end:
            raise AssertionError(f"waited {patience} s for {what() if callable(what) else what}")
        time.sleep(pause)
    return result


def read_journals(*folders):
    """Every whole line of every coordinator's life, in order."""
    lines = []
    for folder in folders:
        for path in sorted(folder.glob("journal.*.jsonl"), key=lambda p: int(p.name.split(".")[1])):
            for text in path.read_bytes().split(b"\n"):
                try:
                    lines.append(json.loads(text))
                except ValueError:
                    continue  # torn by a kill, or just being written
    return lines


def finished_once(lines):
    """The cells that have a result. No cell may be started again once it has one."""
    finished = set()
    for line in lines:
        if line["kind"] == "started":
            assert line["cell"] not in finished, f"cell {line['cell']} was started again after its result was recorded"
        if line["kind"] == "finished":
            assert line["cell"] not in finished, f"cell {line['cell']} was recorded twice"
            finished.add(line["cell"])
    return finished
