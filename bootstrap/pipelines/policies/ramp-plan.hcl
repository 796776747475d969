# What ramp plan needs: to read. It may run for every merge request.
path "ramp/config" {
  capabilities = ["read"]
}
path "ramp/services/*" {
  capabilities = ["read", "list"]
}
path "ramp/roles/*" {
  capabilities = ["read", "list"]
}
