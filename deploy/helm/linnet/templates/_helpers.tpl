{{/* The release's objects; each adds its part: NAME-engine, NAME-gateway. */}}
{{- define "linnet.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{/* Called with a dict of root and part. What never changes, since selectors can't. */}}
{{- define "linnet.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end }}

{{- define "linnet.labels" -}}
{{ include "linnet.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{- define "linnet.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* Nothing runs as root, writes but where it is told to, or may become more than it is. */}}
{{- define "linnet.podSecurity" -}}
runAsNonRoot: true
runAsUser: 1000
runAsGroup: 1000
fsGroup: 1000
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "linnet.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* Settings that both have. */}}
{{- define "linnet.env" -}}
- name: LINNET_HOST
  value: "0.0.0.0"
- name: LINNET_METRICS_PORT
  value: "9464"
- name: LINNET_DRAIN_DELAY
  value: {{ printf "%ds" (int .part.drainDelaySeconds) }}
- name: LINNET_DRAIN_GRACE
  value: {{ printf "%ds" (int .part.drainGraceSeconds) }}
{{- if .root.Values.apiKeys.existingSecret }}
- name: LINNET_API_KEYS
  value: /etc/linnet/keys/keys.json
{{- end }}
{{- range $name, $value := .part.env }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}

{{/* Where pods run: spread over nodes, unless told otherwise. */}}
{{- define "linnet.placement" -}}
{{- with .part.nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .part.tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .part.affinity }}
affinity: {{ toYaml . | nindent 2 }}
{{- end }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{ include "linnet.selector" (dict "root" .root "part" .name) | nindent 8 }}
{{- end }}
