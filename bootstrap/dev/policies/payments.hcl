# The team of service payments declares it and looks at contracts. It writes none.
path "ramp/services/payments" {
  capabilities = ["create", "read", "update"]
}
# It suspends the service, and consents to contracts with it.
path "ramp/services/payments/*" {
  capabilities = ["create", "read", "update", "delete"]
}
path "ramp/roles/*" {
  capabilities = ["read", "list"]
}
# It reports how the caller behaves, and moves it along the ramp.
path "ramp/evidence/orders-to-payments" {
  capabilities = ["update"]
}
path "ramp/roles/orders-to-payments/advance" {
  capabilities = ["update"]
}
path "ramp/roles/orders-to-payments/retreat" {
  capabilities = ["update"]
}
path "ramp/introspect" {
  capabilities = ["update"]
}
