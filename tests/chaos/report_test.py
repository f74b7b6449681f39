"""The report opens in a real browser without a network: all of it is there, and something is to be seen."""
import re
import shutil
import subprocess

import matplotlib.image
import numpy
import pytest

from harness import PATIENCE

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.mark.skipif(BROWSER is None, reason="no Chromium here")
def test_a_browser_shows_the_report_without_a_network(fake):
    one = fake(FAKE_TROUBLE="2:abort,5:diverge")
    assert one.run("--slots", 2)[0] == 3
    assert one.verb("report", one.out)[0] == 0
    page, picture = one.out / "report.html", one.folder / "report.png"

    def browse(*options):
        command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={one.folder}/browser",
                   "--window-size=1250,2300", "--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr",
                   *options, page.as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
        assert "CONSOLE" not in done.stderr, done.stderr   # where the browser says what it does not understand
        return done.stdout

    seen, written = browse("--dump-dom"), page.read_text()
    for tag in ("svg", "rect", "path", "text", "h2"):
        assert len(re.findall(f"<{tag}[ >]", seen)) == len(re.findall(f"<{tag}[ >]", written)) > 0, tag
    assert "about to abort" in seen and "1 failed" in seen and "1 diverged" in seen
    browse(f"--screenshot={picture}")
    pixels = (255 * matplotlib.image.imread(picture)[:, :, :3]).astype(numpy.uint8).reshape(-1, 3)
    assert len(numpy.unique(pixels, axis=0)) > 100, "colours of maps, letters and curves"
