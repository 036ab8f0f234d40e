"""The status page in a real browser, against the real supervisor and the test platform."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import urllib.request
from pathlib import Path
from typing import Callable

import pytest

from chromium import Chromium, Tab
from scene import BUILD, Scene, wait_for_history, wait_until

MakeScene = Callable[..., Scene]
SCREENSHOTS = BUILD / "screenshots"
HOSTILE = "<img src=x onerror=\"window.injected=1\">&lt;b&gt;\u202eevil\u2066"


def opened(browser: Chromium, scene: Scene, **options: object) -> Tab:
    tab = Tab(browser, **options)  # type: ignore[arg-type]
    tab.open(scene.address)
    tab.wait("!document.getElementById('detail').hidden && document.getElementById('live').innerText === 'live'")
    return tab


def actor_row(name: str) -> str:
    """An expression: the text of this actor's row."""
    return f"[...document.querySelectorAll('#tree tr')].map((row) => row.innerText).find((text) => text.startsWith('{name}'))"


def test_one_document_whose_policy_names_what_is_in_it(make_scene: MakeScene) -> None:
    scene = make_scene(["ws-1"])
    with urllib.request.urlopen(scene.address) as answer:
        policy = answer.headers["Content-Security-Policy"]
        page = answer.read().decode()
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    for kind in ("style", "script"):
        content = re.search(f"<{kind}>(.*?)</{kind}>", page, re.S)
        assert content
        digest = base64.b64encode(hashlib.sha256(content.group(1).encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy and "unsafe" not in policy and "require-trusted-types-for 'script'" in policy
    assert not re.search(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//""", page)


def test_tells_at_a_glance_that_a_workspace_lives(browser: Chromium, make_scene: MakeScene) -> None:
    scene = make_scene(["ws-1"])
    tab = opened(browser, scene)
    tab.wait("document.getElementById('verdict-text').innerText === 'ws-1 is alive'")
    assert tab.evaluate("document.title").startswith("✓ ws-1 is alive")
    assert tab.evaluate("document.getElementById('list').hidden")
    assert "✓ running" in tab.wait(actor_row("heartbeat"))
    assert tab.evaluate("document.querySelector('#strip svg').getAttribute('aria-label').includes('delivered')")
    tab.wait("/p50 \\d/.test(document.getElementById('cards').innerText)")
    assert re.search(r"^[1-9]\d* beats? delivered, 0 failed; the slowest took", tab.text("#beats-summary"))
    assert all(url.startswith((scene.address, "data:", "about:")) for url in tab.requests())
    assert tab.complaints() == []


def test_shows_a_failing_beat_and_a_crash_as_they_happen(browser: Chromium, make_scene: MakeScene) -> None:
    scene = make_scene(["ws-1"])
    tab = opened(browser, scene)
    tab.wait("document.getElementById('verdict').dataset.tone === 'good'")
    scene.platform.order("fault", **{"class": "beat", "action": "status", "status": 503})
    tab.wait("document.getElementById('verdict-text').innerText === 'ws-1 is unreachable'")
    tab.wait("[...document.querySelectorAll('#events .name')].some((name) => name.innerText === 'beat.failed')")
    tab.wait("document.getElementById('cards').innerText.includes('in a row')")
    tab.wait("document.getElementById('alarm').innerText !== ''")
    scene.crash("ws-1", "notifier")
    tab.wait(f"/\\n?1\\b/.test({actor_row('notifier')}) && {actor_row('notifier')}.includes('crash ordered')")
    tab.wait("[...document.querySelectorAll('#events .name')].some((name) => name.innerText === 'actor.restarted')")
    assert tab.complaints() == []


def test_shows_whether_the_agent_is_there(browser: Chromium, make_scene: MakeScene) -> None:
    scene = make_scene(["ws-1"], None, "--agent.grace=500ms")
    connection = scene.attach("ws-1")
    tab = opened(browser, scene)
    tab.wait(f"document.getElementById('cards').innerText.includes('attached as process {os.getpid()}, 1 attachment')")
    connection.close()
    tab.wait(f"document.getElementById('cards').innerText.includes('wedged: agent process {os.getpid()} has closed')")
    tab.wait("document.getElementById('verdict-text').innerText === 'ws-1 lives, its agent is wedged'")
    assert tab.complaints() == []


def test_what_happened_before_it_was_opened_is_told_too(browser: Chromium, make_scene: MakeScene) -> None:
    scene = make_scene(["ws-1"])
    scene.crash("ws-1", "activity")
    tab = opened(browser, scene)
    tab.wait("[...document.querySelectorAll('#events .name')].some((name) => name.innerText === 'actor.crashed')")


def test_text_of_others_is_never_markup(browser: Chromium, make_scene: MakeScene) -> None:
    hostile_id = "<img src=x onerror=window.injected=1>"
    scene = make_scene([hostile_id, "ws-2"])
    wait_until(lambda: scene.workspace(hostile_id)["status"] == "online", "its first beat")
    scene.set_activity(hostile_id, 1, HOSTILE)
    scene.call("POST", "/v1/workspaces/" + urllib.request.quote(hostile_id, safe="") + "/outcomes",
               {"errors": 1, "successes": 0, "sample_error": HOSTILE})
    scene.call("PUT", "/v1/workspaces/" + urllib.request.quote(hostile_id, safe="") + "/runtime-state",
               {"state": "wedged", "reason": HOSTILE})
    tab = opened(browser, scene)
    tab.evaluate(f"location.hash = '#' + encodeURIComponent({json.dumps(hostile_id)})")
    tab.wait(f"document.getElementById('detail-title').innerText === {json.dumps(hostile_id)}")
    tab.wait("document.getElementById('cards').innerText.includes('<img src=x onerror=')")
    assert "&lt;b&gt;" in tab.text("#cards")
    assert "&lt;b&gt;" in tab.text("#list-body")
    whole = tab.evaluate("document.body.textContent")
    assert "\u202e" not in whole and "\u2066" not in whole and "\ufffdevil" in whole
    assert tab.evaluate("document.querySelectorAll('img, b').length") == 0
    assert tab.evaluate("window.injected === undefined")
    assert tab.complaints() == []


def test_says_when_the_supervisor_is_gone_and_finds_it_again(browser: Chromium, make_scene: MakeScene) -> None:
    scene = make_scene(["ws-1"])
    tab = opened(browser, scene)
    tab.wait("document.getElementById('verdict').dataset.tone === 'good'")
    scene.end()
    tab.wait("document.getElementById('verdict-text').innerText === 'The supervisor does not answer'")
    assert "rying again" in tab.text("#verdict-more")
    scene.start()
    tab.wait("document.getElementById('verdict-text').innerText === 'ws-1 is alive'")
    tab.wait("document.getElementById('live').innerText === 'live'")
    # Whichever way the browser meets a peer that has gone or is not there.
    gone = re.compile(r"net::ERR_(CONNECTION_\w+|SOCKET_NOT_CONNECTED|EMPTY_RESPONSE|INCOMPLETE_CHUNKED_ENCODING)\b")
    assert tab.complaints(lambda text: gone.search(text) is not None) == []


def test_ten_thousand_workspaces_are_sorted_and_searched(browser: Chromium, make_scene: MakeScene) -> None:
    """The list's own part: what the supervisor would tell of so many stands in for its answer."""
    scene = make_scene(["ws-1", "ws-2"])
    tab = opened(browser, scene)
    tab.evaluate("""(() => {
      const one = state.overview.workspaces[0];
      ask = async (path) => path !== '/v1/workspaces' ? state.workspace : ({...state.overview,
        time: Date.now() / 1000, workspaces: Array.from({length: 10000}, (_, index) => ({...one, id: `many-${index}`,
          status: index === 7777 ? 'unauthorized' : 'online', restarts: index % 100, last_delivered: Date.now() / 1000}))});
      return refresh();
    })()""")
    tab.wait("state.overview.workspaces.length === 10000 && document.getElementById('list-title').innerText === 'Workspaces (10,000)'")
    tab.wait("document.querySelector('#list-body a').innerText === 'many-7777'")
    assert tab.evaluate("document.querySelectorAll('#list-body tr').length") == 50
    assert tab.text("#page-number") == "Page 1 of 200"
    tab.evaluate("[...document.querySelectorAll('#list-head button')].find((one) => one.innerText === 'Restarts').click()")
    tab.wait("document.querySelector('#list-head th[aria-sort]').innerText.startsWith('Restarts')")
    assert tab.evaluate("document.querySelector('#list-head th[aria-sort]').getAttribute('aria-sort')") == "descending"
    assert tab.text("#list-body a") == "many-99"
    tab.evaluate("(() => { const box = document.getElementById('search'); box.value = 'MANY-123'; box.dispatchEvent(new Event('input')); })()")
    assert tab.text("#list-title") == "Workspaces (11 of 10,000)"
    assert tab.complaints() == []


def test_by_keyboard_and_screen_reader(browser: Chromium, make_scene: MakeScene) -> None:
    scene = make_scene(["ws-1", "ws-2"])
    tab = opened(browser, scene)
    tab.wait("document.querySelectorAll('#list-body a').length === 2")
    roles = [node["role"]["value"] for node in tab.call("Accessibility.getFullAXTree")["nodes"]
             if not node.get("ignored") and "role" in node]
    for role in ("banner", "main", "contentinfo", "region", "table", "columnheader", "rowheader", "status", "image"):
        assert role in roles, role
    reached = set()
    for _ in range(40):
        tab.press("Tab", 9)
        found = tab.evaluate("(() => { const at = document.activeElement; const style = getComputedStyle(at); "
                             "return [at === document.body ? 'BODY' : at.id || at.innerText || at.tagName, style.outlineStyle, parseFloat(style.outlineWidth)]; })()")
        reached.add(found[0])
        if found[0] != "BODY":
            assert found[1] != "none" and found[2] >= 1, found
    assert {"search", "status-filter", "ws-1", "ws-2", "events", "event-level", "event-own"} <= reached
    tab.evaluate("[...document.querySelectorAll('#list-body a')].find((one) => one.innerText === 'ws-2').focus()")
    tab.call("Input.dispatchKeyEvent", type="keyDown", key="Enter", code="Enter", windowsVirtualKeyCode=13, text="\r")
    tab.wait("document.getElementById('detail-title').innerText === 'ws-2' && document.activeElement.id === 'detail-title'")
    assert tab.evaluate("document.querySelector('#list-body a[aria-current]').innerText") == "ws-2"


@pytest.mark.parametrize("width", [360, 320])
def test_a_phone_scrolls_in_one_direction_alone(browser: Chromium, make_scene: MakeScene, width: int) -> None:
    scene = make_scene(["a-workspace-with-a-rather-long-name-as-they-are-made-by-machines-0123456789", "ws-2"])
    tab = opened(browser, scene, width=width, height=740)
    tab.wait("document.querySelectorAll('#list-body a').length === 2")
    assert tab.evaluate("document.documentElement.scrollWidth") <= width


def test_screenshots(browser: Chromium, make_scene: MakeScene) -> None:
    """Written into the build folder; scripts/update-screenshots copies them into docs/images."""
    scene = make_scene(["inbox-agent", "research-agent"], "builder-agent", interval="2s")
    for workspace in ("inbox-agent", "research-agent", "builder-agent"):
        wait_until(lambda: scene.workspace(workspace)["status"] == "online", "the first beats")
    scene.set_activity("inbox-agent", 1, "Sorting this morning's mail")
    scene.set_activity("research-agent", 2, "Comparing three offers for the new printer")
    scene.set_activity("builder-agent", 1, "Running the nightly build")
    scene.platform.complete("d1e60001", workspace="inbox-agent")
    wait_for_history(scene, float(os.environ.get("SCREENSHOT_MINUTES", "0")))
    scene.take_platform_away()
    scene.crash("builder-agent", "notifier")
    wait_until(lambda: scene.workspace("builder-agent")["heartbeat"]["consecutive_failures"] > 2, "failed beats")
    wait_for_history(scene, min(3.0, float(os.environ.get("SCREENSHOT_MINUTES", "0")) / 4))
    SCREENSHOTS.mkdir(exist_ok=True)
    for name, options in {"status-page": {}, "status-page-dark": {"dark": True},
                          "status-page-phone": {"width": 360, "height": 740}}.items():
        tab = opened(browser, scene, **options)
        tab.wait(f"/\\b1\\b/.test({actor_row('notifier')})")
        tab.wait("document.querySelectorAll('#events li').length > 3")
        tab.wait("document.getElementById('verdict-text').innerText.startsWith('builder-agent is unreachable')")
        tab.screenshot(SCREENSHOTS / f"{name}.png")
        assert tab.complaints() == []
