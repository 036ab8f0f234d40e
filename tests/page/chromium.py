"""A headless Chromium, driven over its DevTools protocol by a pair of pipes: nothing but the standard library."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

PATIENCE = 60.0


class Chromium:
    def __init__(self, folder: Path) -> None:
        # High numbers, so that neither is 3 or 4 itself.
        ours_out, theirs_in = self._pipe()
        theirs_out, ours_in = self._pipe()

        def place() -> None:
            os.dup2(theirs_in, 3)
            os.dup2(theirs_out, 4)

        program = shutil.which("chromium") or "chromium"
        self._log = open(folder / "chromium.log", "wb")
        self._process = subprocess.Popen(
            [program, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars",
             "--force-color-profile=srgb", f"--user-data-dir={folder / 'profile'}", "--remote-debugging-pipe", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, pass_fds=(3, 4), preexec_fn=place)
        os.close(theirs_in)
        os.close(theirs_out)
        self._out, self._in = ours_out, ours_in
        self._waiting = b""
        self._last = 0
        self.events: List[Dict[str, Any]] = []

    @staticmethod
    def _pipe() -> Any:
        """The writing end and the reading end."""
        reading, writing = os.pipe()
        high = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 50) for end in (writing, reading)]
        os.close(reading)
        os.close(writing)
        return high

    def _receive(self, patience: float) -> Optional[Dict[str, Any]]:
        deadline = time.monotonic() + patience
        while b"\0" not in self._waiting:
            ready, _, _ = select.select([self._in], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                return None
            piece = os.read(self._in, 1 << 20)
            assert piece, "Chromium has ended"
            self._waiting += piece
        message, self._waiting = self._waiting.split(b"\0", 1)
        return dict(json.loads(message))

    def call(self, method: str, session: Optional[str] = None, **parameters: Any) -> Dict[str, Any]:
        self._last += 1
        number = self._last
        message: Dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._out, data):]
        while True:
            answer = self._receive(PATIENCE)
            assert answer is not None, f"no answer to {method}"
            if answer.get("id") == number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return dict(answer["result"])
            self.events.append(answer)

    def drain(self) -> None:
        while (message := self._receive(0)) is not None:
            self.events.append(message)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._out)
        os.close(self._in)
        self._log.close()


class Tab:
    """One page, with everything that it complains about."""

    def __init__(self, browser: Chromium, width: int = 1200, height: int = 900, dark: bool = False) -> None:
        self._browser = browser
        target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "Accessibility"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500)
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.width = width

    def call(self, method: str, **parameters: Any) -> Dict[str, Any]:
        return self._browser.call(method, self._session, **parameters)

    def open(self, address: str) -> None:
        self.call("Page.navigate", url=address)
        self.wait("document.readyState === 'complete' && location.href !== 'about:blank'")

    def evaluate(self, expression: str) -> Any:
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait(self, expression: str) -> Any:
        """The expression's first value that is true."""
        deadline = time.monotonic() + PATIENCE
        while True:
            value = self.evaluate(expression)
            if value:
                return value
            assert time.monotonic() < deadline, f"waited in vain for {expression}; the page says: {self.text()}"
            time.sleep(0.05)

    def text(self, selector: str = "body") -> str:
        return str(self.evaluate(f"(document.querySelector({json.dumps(selector)}) || {{innerText: ''}}).innerText"))

    def press(self, key: str, code: int) -> None:
        for kind in ("rawKeyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    def complaints(self, but: Callable[[str], bool] = lambda text: False) -> List[str]:
        """Errors of the console, exceptions, and violations of the policy."""
        self._browser.drain()
        told: List[str] = []
        for message in self._browser.events:
            if message.get("sessionId") != self._session:
                continue
            parameters = message.get("params", {})
            if message["method"] == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
                told.append(f"{parameters['entry']['text']} {parameters['entry'].get('url', '')}")
            elif message["method"] == "Runtime.exceptionThrown":
                told.append(json.dumps(parameters["exceptionDetails"]))
            elif message["method"] == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning", "assert"):
                told.append(json.dumps(parameters["args"]))
        return [text for text in told if not but(text)]

    def requests(self) -> List[str]:
        self._browser.drain()
        return [message["params"]["request"]["url"] for message in self._browser.events
                if message.get("sessionId") == self._session and message["method"] == "Network.requestWillBeSent"]

    def screenshot(self, path: Path, whole: bool = True) -> None:
        if whole:
            height = int(self.evaluate("document.documentElement.scrollHeight"))
            self.call("Emulation.setDeviceMetricsOverride", width=self.width, height=height, deviceScaleFactor=1,
                      mobile=self.width < 500)
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))
