{{- define "flightgate.name" -}}
{{- if contains "flightgate" .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-flightgate" .Release.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "flightgate.selector" -}}
app.kubernetes.io/name: flightgate
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "flightgate.labels" -}}
{{ include "flightgate.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{/* The configuration, with the settings that follow from the pod. */}}
{{- define "flightgate.config" -}}
{{- $own := dict "listen" (dict "flight" "0.0.0.0:32010" "http" "0.0.0.0:8080") "drain" .Values.drain }}
{{- if .Values.replicas.share }}{{ $own = set $own "replica" (dict "address" "${POD_IP}:32010") }}{{ end }}
{{- $config := deepCopy .Values.config }}
{{- if not $config.sources }}{{ $config = omit $config "sources" }}{{ end }}
{{- toYaml (merge $own $config) }}
{{- end }}
