"""The chart and the manifests made of it: what helm makes, what the schemas of Kubernetes take, what the Pod Security Standard
"restricted" asks, and whether the supervisor takes the arguments that they give it.

Helm and the schemas are not of this system's packages: scripts/ensure-kubernetes-tools gets them. Without them what needs them
is skipped; with KUBERNETES_TOOLS=required the schemas must be there."""

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
MODES = ("sidecar", "parent", "node")  # each with pods
ALL = (*MODES, "monitoring")
REQUIRED = os.environ.get("KUBERNETES_TOOLS") == "required"
HELM = os.environ.get("HELM") or shutil.which("helm")

needs_helm = pytest.mark.skipif(not HELM, reason="no helm (scripts/ensure-kubernetes-tools)")

try:
    import kubernetes_validate
    from kubernetes_validate import utils
except ImportError:
    if REQUIRED:
        raise
    kubernetes_validate = utils = None


Manifests = List[Dict[str, Any]]


def parsed(text: str) -> Manifests:
    return [document for document in yaml.safe_load_all(text) if document]


def manifests(mode: str) -> Manifests:
    return parsed((FOLDER / f"{mode}.yaml").read_text())


def versions() -> List[str]:
    known = utils.all_versions() if utils else []
    return sorted({utils.major_minor(version) for version in known},
                  key=lambda version: [int(part) for part in version.split(".")])[-3:]


def pods(documents: Manifests) -> Iterator[Tuple[str, Dict[str, Any]]]:
    for document in documents:
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
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(f"{mode}.yaml" for mode in ALL)
    for mode in ALL:
        assert (tmp_path / f"{mode}.yaml").read_text() == (FOLDER / f"{mode}.yaml").read_text(), f"{mode}: scripts/make-manifests"


@needs_helm
@pytest.mark.parametrize("mode", ALL)
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
    checked = [kubernetes_validate.validate(document, version, strict=True) for document in manifests(mode)]
    assert len(checked) >= 3 and set(checked) == {version}


@pytest.mark.skipif(kubernetes_validate is None, reason="no kubernetes-validate (scripts/ensure-kubernetes-tools)")
def test_the_schemas_would_notice_a_misspelt_word() -> None:
    document = next(copy.deepcopy(document) for document in manifests("sidecar") if document["kind"] == "StatefulSet")
    document["spec"]["template"]["spec"]["initContainers"][-1]["restartPolicyy"] = "Always"
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(document, versions()[-1], strict=True)


def check_restricted(documents: Manifests) -> None:
    """Each control of the standard: https://kubernetes.io/docs/concepts/security/pod-security-standards/"""
    found = list(pods(documents))
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
            assert not any(port.get("hostPort") for port in container.get("ports", [])), (name, container["name"])
            assert own.get("runAsUser", 1) > 0 and own.get("procMount", "Default") == "Default", (name, container["name"])


def check_mounts(documents: Manifests) -> None:
    """What is mounted is there, and what an argument or a variable names is mounted."""
    claims = {template["metadata"]["name"] for document in documents
              for template in document.get("spec", {}).get("volumeClaimTemplates", [])}
    for name, pod in pods(documents):
        volumes = {volume["name"] for volume in pod["volumes"]} | claims
        for container in containers(pod):
            mounts = [mount["mountPath"] for mount in container["volumeMounts"]]
            assert {mount["name"] for mount in container["volumeMounts"]} <= volumes, (name, container["name"])
            arguments = container.get("args", [])
            # What follows is the agent's, whose image has more.
            arguments = arguments[:arguments.index("--")] if "--" in arguments else arguments
            words = [*arguments, *container.get("command", []),
                     *(variable.get("value", "") for variable in container.get("env", []))]
            named = {match for word in words for match in re.findall(r"(?:^|=)(/[a-z][^ ]*)", word)}
            for path in named:
                assert any(path == mount or path.startswith(mount + "/") for mount in mounts), (name, container["name"], path)


@pytest.mark.parametrize("mode", MODES)
def test_the_standard_restricted_is_kept(mode: str) -> None:
    check_restricted(manifests(mode))
    for _, pod in pods(manifests(mode)):
        assert all(container["securityContext"]["readOnlyRootFilesystem"] is True for container in containers(pod))


@pytest.mark.parametrize("mode", MODES)
def test_what_is_mounted_is_there(mode: str) -> None:
    check_mounts(manifests(mode))


WORKSPACE = {"platform": {"url": "https://p.example:8443/x"}, "workspace": {"id": "ws: \"a\" #1 {b}", "tokenSecret": "123"},
             "agent": {"image": "r.example/a@sha256:" + "0" * 64, "command": ["a b", "it's", "-x: y", "{{ no }}"], "args": None,
                       "env": [{"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "k", "key": "k"}}}, {"name": "NUMBER", "value": "1"}],
                       "resources": {"limits": {"memory": "1Gi"}}, "readOnlyRootFilesystem": False, "attaches": False},
             "config": "    # indented first\nlog.format = \"text\"\n\nlog.level = \"debug\"\n", "user": 65532,
             "image": {"repository": "r.example:5000/s", "digest": "sha256:" + "1" * 64}, "imagePullSecrets": [{"name": "pull"}],
             "storage": {"className": "123", "accessMode": "ReadWriteOncePod", "configs": "10Gi", "results": "1"},
             "nodeSelector": {"a/b": "true"}, "tolerations": [{"operator": "Exists"}],
             "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
                 {"matchExpressions": [{"key": "a", "operator": "Exists"}]}]}}}, "listen": "[::]:9640"}
ODD = {
    "sidecar": WORKSPACE,
    "sidecar with a CA": {**WORKSPACE, "platform": {"url": "https://p", "caConfigMap": "123"}},
    "parent": {**WORKSPACE, "mode": "parent", "platform": {"url": "https://p", "caConfigMap": "ca"}},
    "node": {**{key: WORKSPACE[key] for key in ("config", "user", "image", "imagePullSecrets", "nodeSelector", "tolerations", "affinity")},
             "mode": "node", "platform": {"url": "https://p", "caConfigMap": "ca"},
             "node": {"folder": "/run/a: b #c", "claim": "123", "priorityClassName": "system-node-critical", "exampleAgent": "a"},
             "networkPolicy": {"from": [{"podSelector": {}}]}},
    "node with a volume of its own": {"mode": "node", "platform": {"url": "http://p"}, "node": {"createVolume": False}},
    "the least of a sidecar": {"platform": {"url": "http://p"}, "workspace": {"id": "w"}, "agent": {"image": "a"}},
    "the least of a parent": {"mode": "parent", "platform": {"url": "http://p"}, "workspace": {"id": "w"},
                              "agent": {"image": "a", "command": ["a"]}},
}


@needs_helm
@pytest.mark.parametrize("name", ODD)
def test_other_values_make_manifests_that_do_as_well(tmp_path: Path, name: str) -> None:
    values = tmp_path / "values.yaml"
    values.write_text(yaml.safe_dump(ODD[name]))
    made = helm("template", "a-name-of-forty-characters-that-is-allowed"[:40], str(FOLDER / "chart"), "--kube-version=1.29.0",
                "--namespace=agents", f"--values={values}")
    assert made.returncode == 0, made.stderr
    documents = parsed(made.stdout)
    check_restricted(documents)
    check_mounts(documents)
    for document in documents:
        if kubernetes_validate:
            kubernetes_validate.validate(document, versions()[-1], strict=True)
    settings, = (document for document in documents if document["kind"] == "ConfigMap")
    assert settings["data"]["caf-application.conf"].strip() == ODD[name].get("config", 'log.format = "json"').strip()
    for _, pod in pods(documents):
        assert pod.get("imagePullSecrets") == ODD[name].get("imagePullSecrets")
        assert pod.get("tolerations") == ODD[name].get("tolerations")
        assert pod["securityContext"]["runAsUser"] == ODD[name].get("user", 1000)
    if name == "parent":
        (_, pod), = pods(documents)
        arguments = pod["containers"][0]["args"]
        assert arguments[arguments.index("--") + 1:] == WORKSPACE["agent"]["command"]
        assert {"name": "WORKSPACE_ID", "value": WORKSPACE["workspace"]["id"]} in pod["containers"][0]["env"]


@needs_helm
@pytest.mark.parametrize("name", ["123", "a.b", "a" * 41])
def test_a_release_name_that_would_not_do_is_refused(name: str) -> None:
    refused = helm("template", name, str(FOLDER / "chart"), "--kube-version=1.29.0",
                   f"--values={FOLDER / 'examples/sidecar.values.yaml'}")
    assert refused.returncode != 0 and "expected at most 40 lower-case letters" in refused.stderr


def test_the_sidecar_begins_before_the_agent_and_ends_after_it() -> None:
    (_, pod), = pods(manifests("sidecar"))
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


def test_monitoring_has_the_rules_and_finds_the_port_of_each() -> None:
    monitor, rule = manifests("monitoring")
    assert (monitor["kind"], rule["kind"]) == ("PodMonitor", "PrometheusRule")
    assert monitor["apiVersion"] == rule["apiVersion"] == "monitoring.coreos.com/v1"
    assert rule["spec"] == yaml.safe_load((PROJECT / "deploy/prometheus/alerts.yml").read_text())
    endpoint, = monitor["spec"]["podMetricsEndpoints"]
    assert endpoint["path"] == "/metrics"
    wanted = monitor["spec"]["selector"]["matchLabels"].items()
    for mode in MODES:
        found = [port for document in manifests(mode) if "template" in document.get("spec", {})
                 and wanted <= document["spec"]["template"]["metadata"]["labels"].items()
                 for container in containers(document["spec"]["template"]["spec"]) for port in container.get("ports", [])]
        assert [port["name"] for port in found] == [endpoint["port"]], mode


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
    for _, pod in pods(manifests(mode)):
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
