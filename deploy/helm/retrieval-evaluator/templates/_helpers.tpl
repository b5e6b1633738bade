{{- define "evaluator.name" -}}
{{- printf "%s-evaluator" .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "evaluator.selector" -}}
app.kubernetes.io/name: retrieval-evaluator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "evaluator.labels" -}}
{{ include "evaluator.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "evaluator.image" -}}
image: {{ printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- end -}}

{{- define "evaluator.claim" -}}
{{- .Values.artifacts.existingClaim | default (printf "%s-artifacts" (include "evaluator.name" .)) -}}
{{- end -}}

{{/* What the server's and the workers' pods have in common: nobody is root, nothing asks Kubernetes. */}}
{{- define "evaluator.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "evaluator.container" -}}
{{ include "evaluator.image" . }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- with .Values.environmentSecrets }}
envFrom:
  {{- range . }}
  - secretRef: {name: {{ . }}}
  {{- end }}
{{- end }}
{{- end -}}

{{- define "evaluator.environment" -}}
- name: REDIS_URL
  valueFrom:
    secretKeyRef: {name: {{ .Values.existingSecret.name }}, key: {{ .Values.existingSecret.key }}}
- {name: EVALUATOR_HOME, value: /var/lib/evaluator}
- {name: EVALUATOR_ARTIFACTS, value: {{ .Values.artifacts.url | default "/var/lib/evaluator/artifacts" | quote }}}
- {name: HF_HOME, value: /var/lib/evaluator/models}
- {name: HOME, value: /tmp}
{{- range $name, $value := .Values.environment }}
- {name: {{ $name }}, value: {{ $value | quote }}}
{{- end }}
{{- end -}}

{{- define "evaluator.mounts" -}}
- {name: state, mountPath: /var/lib/evaluator}
- {name: temporary, mountPath: /tmp}
{{- if not .Values.artifacts.url }}
- {name: artifacts, mountPath: /var/lib/evaluator/artifacts}
{{- end }}
{{- end -}}

{{- define "evaluator.volumes" -}}
- {name: temporary, emptyDir: {}}
{{- if not .Values.artifacts.url }}
- name: artifacts
  persistentVolumeClaim: {claimName: {{ include "evaluator.claim" . }}}
{{- end }}
{{- end -}}
