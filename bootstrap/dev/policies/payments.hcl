# The team of service payments declares it and looks at contracts. It writes none.
path "ramp/services/payments" {
  capabilities = ["create", "read", "update"]
}
path "ramp/services/payments/*" {
  capabilities = ["create", "read", "update", "delete"]
}
path "ramp/roles/*" {
  capabilities = ["read", "list"]
}
path "ramp/introspect" {
  capabilities = ["update"]
}
