{{/* Of which the StatefulSet's pod and its Service take their names; a revision's hash and "-example" come on top. */}}
{{- define "supervisor.name" -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$" .Release.Name) -}}
{{- fail (printf "release name %q: expected at most 40 lower-case letters, digits and '-', a letter first" .Release.Name) -}}
{{- end -}}
{{ .Release.Name | quote }}
{{- end }}

{{- define "supervisor.selector" -}}
app.kubernetes.io/name: workspace-supervisor
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- define "supervisor.labels" -}}
{{ include "supervisor.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: {{ .Values.mode }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "supervisor.image" -}}
{{- with .Values.image -}}
{{ (.digest | empty | ternary (printf "%s:%s" .repository (default $.Chart.AppVersion .tag)) (printf "%s@%s" .repository .digest)) | quote }}
{{- end -}}
{{- end }}

{{- define "supervisor.nodeFolder" -}}
{{ default (printf "/run/workspace-supervisor/%s" .Release.Namespace) .Values.node.folder | quote }}
{{- end }}

{{/* Where a pod may be, what it may pull, and what the Pod Security Standard "restricted" asks of it. */}}
{{- define "supervisor.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: {{ .Values.user }}
  runAsGroup: {{ .Values.user }}
  fsGroup: {{ .Values.user }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- end }}

{{/* And of each of its containers. */}}
{{- define "supervisor.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* Asked at the pod's address, which is one of the listener's own. The process is started again when its root does not
answer; nothing is started again because of readiness. */}}
{{- define "supervisor.probes" -}}
startupProbe:
  httpGet: {path: /healthz, port: control}
  periodSeconds: 1
  timeoutSeconds: 3
  failureThreshold: 60
livenessProbe:
  httpGet: {path: /healthz, port: control}
  periodSeconds: 10
  timeoutSeconds: 3
  failureThreshold: 3
readinessProbe:
  httpGet: {path: {{ eq .Values.mode "node" | ternary "/healthz" "/readyz" }}, port: control}
  periodSeconds: 10
  timeoutSeconds: 3
{{- end }}

{{- define "supervisor.ports" -}}
- name: control
  containerPort: 9640
{{- end }}

{{/* Of the supervisor in each mode. */}}
{{- define "supervisor.arguments" -}}
- {{ printf "--control.http=%s" .Values.listen | quote }}
{{- with .Values.platform.caConfigMap }}
- --platform.ca-file=/etc/platform-ca/ca.crt
{{- end }}
{{- end }}

{{/* Of one with one workspace: it is asked under its Service's name, too. */}}
{{- define "supervisor.workspaceArguments" -}}
{{ include "supervisor.arguments" . }}
{{- $hosts := list }}
{{- range list "" (printf ".%s" .Release.Namespace) (printf ".%s.svc" .Release.Namespace) (printf ".%s.svc.cluster.local" .Release.Namespace) }}
{{- $hosts = append $hosts (printf "%s%s" $.Release.Name .) }}
{{- end }}
- {{ printf "--control.http-hosts=%s" (toJson $hosts) | squote }}
- --agent.expected={{ .Values.agent.attaches }}
{{- end }}

{{/* Of supervisor and agent. */}}
{{- define "supervisor.workspaceEnv" -}}
- name: WORKSPACE_ID
  value: {{ .Values.workspace.id | quote }}
- name: PLATFORM_URL
  value: {{ .Values.platform.url | quote }}
- name: CONFIGS_DIR
  value: /configs
- name: DELEGATION_RESULTS_FILE
  value: /results/delegation_results.jsonl
{{- end }}

{{- define "supervisor.workspaceMounts" -}}
- {name: configs, mountPath: /configs}
- {name: results, mountPath: /results}
{{- end }}

{{/* Of the supervisor alone. */}}
{{- define "supervisor.settingsMounts" -}}
- {name: settings, mountPath: /etc/workspace-supervisor, readOnly: true}
{{- with .Values.platform.caConfigMap }}
- {name: platform-ca, mountPath: /etc/platform-ca, readOnly: true}
{{- end }}
{{- end }}

{{- define "supervisor.settingsVolumes" -}}
- name: settings
  configMap:
    name: {{ printf "%s-settings" .Release.Name | quote }}
{{- with .Values.platform.caConfigMap }}
- name: platform-ca
  configMap:
    name: {{ . | quote }}
{{- end }}
{{- end }}

{{/* The first token, unless there is one already: the platform may have given another since. */}}
{{- define "supervisor.tokenContainer" -}}
- name: first-token
  {{- if eq .Values.mode "parent" }}
  image: {{ .Values.agent.image | quote }}
  {{- else }}
  image: {{ include "supervisor.image" . }}
  {{- end }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  command: [sh, -ec]
  args:
    - |
      test -s /configs/.auth_token || {
        umask 077
        cp /token/token /configs/.auth_token.new
        mv /configs/.auth_token.new /configs/.auth_token
      }
  securityContext:
    {{- include "supervisor.containerSecurity" . | nindent 4 }}
  resources:
    requests: {cpu: 10m, memory: 8Mi}
    limits: {memory: 32Mi}
  volumeMounts:
    - {name: configs, mountPath: /configs}
    - {name: token, mountPath: /token, readOnly: true}
{{- end }}
