# What Prometheus needs: the metrics of the mount, and nothing else.
path "ramp/metrics" {
  capabilities = ["read"]
}
