"""The chart and the manifests made of it: what helm makes, what the schemas of Kubernetes take, what the Pod Security Standard
"restricted" asks, and whether the supervisor takes the arguments that they give it.

Helm and the schemas are not of this system's packages: scripts/ensure-kubernetes-tools gets them. Without them what needs them
is skipped, unless KUBERNETES_TOOLS=required."""

from __future__ import annotations

import copy
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import pytest

from processes import BUILD, PATIENCE, clean_environment

yaml = pytest.importorskip("yaml", reason="no PyYAML (Debian: python3-yaml)")

PROJECT = Path(__file__).resolve().parents[2]
FOLDER = PROJECT / "deploy/kubernetes"
MODES = ("sidecar", "parent", "node")
REQUIRED = os.environ.get("KUBERNETES_TOOLS") == "required"
HELM = os.environ.get("HELM") or shutil.which("helm")
# Of the monitoring of others, which the schemas of Kubernetes do not have.
CUSTOM = ("PodMonitor", "PrometheusRule")

needs_helm = pytest.mark.skipif(not HELM and not REQUIRED, reason="no helm (scripts/ensure-kubernetes-tools)")

try:
    import kubernetes_validate
    from kubernetes_validate import utils
except ImportError:
    if REQUIRED:
        raise
    kubernetes_validate = utils = None


def manifests(mode: str) -> List[Dict[str, Any]]:
    return [document for document in yaml.safe_load_all((FOLDER / f"{mode}.yaml").read_text()) if document]


def versions() -> List[str]:
    known = utils.all_versions() if utils else []
    return sorted({utils.major_minor(version) for version in known},
                  key=lambda version: [int(part) for part in version.split(".")])[-3:]


def pods(mode: str) -> Iterator[Tuple[str, Dict[str, Any]]]:
    for document in manifests(mode):
        if "template" in document.get("spec", {}):
            yield f"{document['kind']} {document['metadata']['name']}", document["spec"]["template"]["spec"]


def containers(pod: Dict[str, Any]) -> List[Dict[str, Any]]:
    return [*pod.get("initContainers", []), *pod["containers"]]


def helm(*arguments: str) -> "subprocess.CompletedProcess[str]":
    assert HELM, "helm is required"
    return subprocess.run([HELM, *arguments], env=clean_environment(HOME=os.environ.get("HOME", "/")), text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE, check=False)


def template(*values: str) -> "subprocess.CompletedProcess[str]":
    return helm("template", "x", str(FOLDER / "chart"), "--kube-version=1.29.0", *(f"--set={value}" for value in values))


# -- the chart


@needs_helm
def test_the_manifests_are_what_the_chart_makes(tmp_path: Path) -> None:
    subprocess.run([str(PROJECT / "scripts/make-manifests"), str(tmp_path)], check=True, stdout=subprocess.DEVNULL,
                   env={**os.environ, "HELM": str(HELM)})
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(f"{mode}.yaml" for mode in MODES)
    for mode in MODES:
        assert (tmp_path / f"{mode}.yaml").read_text() == (FOLDER / f"{mode}.yaml").read_text(), f"{mode}: scripts/make-manifests"


@needs_helm
@pytest.mark.parametrize("mode", MODES)
def test_helm_has_nothing_to_say_against_it(mode: str) -> None:
    done = helm("lint", "--strict", str(FOLDER / "chart"), f"--values={FOLDER / 'examples' / (mode + '.values.yaml')}")
    assert done.returncode == 0, done.stdout


@needs_helm
@pytest.mark.parametrize("values, told", [
    ((), "platform"),
    (("platform.url=ftp://p",), "url"),
    (("platform.url=http://p",), "id"),
    (("platform.url=http://p", "workspace.id=w"), "image"),
    (("platform.url=http://p", "workspace.id=w", "agent.image=a", "mode=parent"), "agent.command: in mode parent"),
    (("platform.url=http://p", "workspace.id=w", "agent.image=a", "mode=other"), "mode"),
    (("platform.url=http://p", "workspace.id=w", "agent.image=a", "agent.imagge=b"), "imagge"),
])
def test_values_that_do_not_do_are_refused(values: Tuple[str, ...], told: str) -> None:
    refused = template(*values)
    assert refused.returncode != 0 and told in refused.stderr


@needs_helm
def test_the_least_that_is_needed() -> None:
    for values in (("workspace.id=w", "agent.image=a"), ("mode=node",),
                   ("mode=parent", "workspace.id=w", "agent.image=a", "agent.command={agent}")):
        made = template("platform.url=http://p", *values)
        assert made.returncode == 0, made.stderr
        assert all(document.get("kind") for document in yaml.safe_load_all(made.stdout) if document)


def test_the_chart_has_the_version_of_the_program() -> None:
    version = re.search(r"project\(workspace_supervisor VERSION ([0-9.]+)", (PROJECT / "CMakeLists.txt").read_text())
    assert version
    chart = yaml.safe_load((FOLDER / "chart/Chart.yaml").read_text())
    assert chart["version"] == chart["appVersion"] == version.group(1)


# -- what Kubernetes takes


@pytest.mark.skipif(kubernetes_validate is None, reason="no kubernetes-validate (scripts/ensure-kubernetes-tools)")
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("version", versions())
def test_the_schemas_take_it(mode: str, version: str) -> None:
    checked = [kubernetes_validate.validate(document, version, strict=True)
               for document in manifests(mode) if document["kind"] not in CUSTOM]
    assert len(checked) >= 3 and set(checked) == {version}


@pytest.mark.skipif(kubernetes_validate is None, reason="no kubernetes-validate (scripts/ensure-kubernetes-tools)")
def test_the_schemas_would_notice_a_misspelt_word() -> None:
    document = next(copy.deepcopy(document) for document in manifests("sidecar") if document["kind"] == "StatefulSet")
    document["spec"]["template"]["spec"]["initContainers"][-1]["restartPolicyy"] = "Always"
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(document, versions()[-1], strict=True)


@pytest.mark.parametrize("mode", MODES)
def test_the_standard_restricted_is_kept(mode: str) -> None:
    """Each of its controls: https://kubernetes.io/docs/concepts/security/pod-security-standards/"""
    found = list(pods(mode))
    assert found
    for name, pod in found:
        assert not any(pod.get(key) for key in ("hostNetwork", "hostPID", "hostIPC", "hostUsers")), name
        allowed = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
        for volume in pod["volumes"]:
            assert set(volume) - {"name"} <= allowed, (name, volume)
        security = pod["securityContext"]
        assert security["runAsNonRoot"] is True and security["runAsUser"] > 0, name
        assert security["seccompProfile"]["type"] in ("RuntimeDefault", "Localhost"), name
        assert not security.get("sysctls") and not security.get("seLinuxOptions") and not security.get("appArmorProfile"), name
        for container in containers(pod):
            own = container["securityContext"]
            assert own["allowPrivilegeEscalation"] is False and not own.get("privileged"), (name, container["name"])
            assert own["capabilities"] == {"drop": ["ALL"]}, (name, container["name"])
            assert own["readOnlyRootFilesystem"] is True, (name, container["name"])
            assert not any(port.get("hostPort") for port in container.get("ports", [])), (name, container["name"])
            assert own.get("runAsUser", 1) > 0 and own.get("procMount", "Default") == "Default", (name, container["name"])


@pytest.mark.parametrize("mode", MODES)
def test_what_is_mounted_is_there(mode: str) -> None:
    claims = {template["metadata"]["name"] for document in manifests(mode)
              for template in document.get("spec", {}).get("volumeClaimTemplates", [])}
    for name, pod in pods(mode):
        volumes = {volume["name"] for volume in pod["volumes"]} | claims
        for container in containers(pod):
            for mount in container["volumeMounts"]:
                assert mount["name"] in volumes, (name, container["name"], mount)


def test_the_sidecar_begins_before_the_agent_and_ends_after_it() -> None:
    (_, pod), = pods("sidecar")
    assert [container["name"] for container in pod["containers"]] == ["agent"]
    supervisor = pod["initContainers"][-1]
    assert supervisor["restartPolicy"] == "Always"
    assert supervisor["startupProbe"]["httpGet"]["path"] == supervisor["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert supervisor["readinessProbe"]["httpGet"]["path"] == "/readyz"
    mounts = [{mount["mountPath"] for mount in container["volumeMounts"]} for container in (supervisor, pod["containers"][0])]
    assert {"/configs", "/results"} <= mounts[0] & mounts[1]


@pytest.mark.parametrize("mode", MODES)
def test_there_is_never_a_second_one(mode: str) -> None:
    """Two supervisors of one workspace would both beat; where they share a state directory, the second one ends."""
    for document in manifests(mode):
        if document["kind"] == "StatefulSet":
            assert document["spec"]["replicas"] == 1 and "updateStrategy" not in document["spec"]
        elif document["kind"] == "DaemonSet":
            assert document["spec"]["updateStrategy"]["rollingUpdate"] == {"maxUnavailable": 1, "maxSurge": 0}
        else:
            assert document["kind"] != "Deployment"


@pytest.mark.parametrize("mode", MODES)
def test_monitoring_has_the_rules_and_finds_the_port(mode: str) -> None:
    rule, = (document for document in manifests(mode) if document["kind"] == "PrometheusRule")
    assert rule["apiVersion"] == "monitoring.coreos.com/v1"
    assert rule["spec"] == yaml.safe_load((PROJECT / "deploy/prometheus/alerts.yml").read_text())
    monitor, = (document for document in manifests(mode) if document["kind"] == "PodMonitor")
    endpoint, = monitor["spec"]["podMetricsEndpoints"]
    assert endpoint["path"] == "/metrics"
    for document in manifests(mode):
        template = document.get("spec", {}).get("template")
        wanted = monitor["spec"]["selector"]["matchLabels"].items()
        if template and wanted <= template["metadata"]["labels"].items():
            ports = [port for container in containers(template["spec"]) for port in container.get("ports", [])]
            assert [port["name"] for port in ports] == [endpoint["port"]]
            break
    else:
        raise AssertionError("no pod has the monitor's labels")


# -- what the supervisor takes


@pytest.mark.parametrize("mode", MODES)
def test_the_supervisor_takes_what_it_is_given(tmp_path: Path, mode: str) -> None:
    for folder in ("configs", "results", "node"):
        (tmp_path / folder).mkdir()

    def here(text: str) -> str:
        return re.sub(r"(?<![\w.])/(configs|results|node)(?=/|$)", rf"{tmp_path}/\1", text)

    checked = 0
    for document in manifests(mode):
        if document["kind"] == "ConfigMap":
            (tmp_path / "caf-application.conf").write_text(document["data"]["caf-application.conf"])
    for _, pod in pods(mode):
        for container in containers(pod):
            if "ports" not in container:
                continue
            arguments = [here(argument) for argument in container["args"]]
            arguments = [argument.replace("/etc/workspace-supervisor/", f"{tmp_path}/") for argument in arguments]
            where = arguments.index("--") if "--" in arguments else len(arguments)
            arguments.insert(where, "--check-config")
            environment = {variable["name"]: here(variable["value"]) for variable in container["env"]}
            done = subprocess.run([str(BUILD / "workspace-supervisor"), *arguments], cwd=tmp_path, text=True, check=False,
                                  env=clean_environment(**environment), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            assert (done.returncode, done.stderr) == (0, ""), done.stderr
            assert 'http = "0.0.0.0:9640"' in done.stdout and 'format = "json"' in done.stdout
            checked += 1
    assert checked == 1
