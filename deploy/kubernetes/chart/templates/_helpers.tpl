{{- define "supervisor.selector" -}}
app.kubernetes.io/name: workspace-supervisor
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "supervisor.labels" -}}
{{ include "supervisor.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: {{ .Values.mode }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "supervisor.image" -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end }}

{{/* What the Pod Security Standard "restricted" asks of a pod. */}}
{{- define "supervisor.podSecurity" -}}
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
answer; it is ready as long as its beats are delivered and results are saved, and no restart follows from that. */}}
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
  httpGet: {path: /readyz, port: control}
  periodSeconds: 10
  timeoutSeconds: 3
{{- end }}

{{- define "supervisor.ports" -}}
- name: control
  containerPort: 9640
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
{{- with .Values.platform.caConfigMap }}
- name: SSL_CERT_FILE
  value: /etc/platform-ca/ca.crt
{{- end }}
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
  configMap: {name: {{ .Release.Name }}-settings}
{{- with .Values.platform.caConfigMap }}
- name: platform-ca
  configMap: {name: {{ . }}}
{{- end }}
{{- end }}

{{/* The first token, unless there is one already: the platform may have given another since. */}}
{{- define "supervisor.tokenContainer" -}}
- name: first-token
  image: {{ include "supervisor.image" . }}
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

{{- define "supervisor.agentEnv" -}}
{{ include "supervisor.workspaceEnv" . }}
{{- with .Values.agent.env }}
{{ toYaml . }}
{{- end }}
{{- end }}
