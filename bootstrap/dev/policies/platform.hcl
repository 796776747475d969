# The platform team writes contracts and pulls the switch. It neither declares
# services nor consents for them.
path "ramp/roles/*" {
  capabilities = ["create", "read", "update", "delete", "list"]
}
# The service team gives the approval that a stage waits for.
path "ramp/roles/+/advance" {
  capabilities = ["deny"]
}
# Why a caller is refused, and what a proposed contract would do.
path "ramp/explain/*" {
  capabilities = ["update"]
}
path "ramp/callers/*" {
  capabilities = ["read", "update", "list"]
}
path "ramp/keys/*" {
  capabilities = ["create", "read", "update", "list"]
}
path "ramp/config" {
  capabilities = ["read"]
}
path "ramp/services/*" {
  capabilities = ["read", "list"]
}
path "ramp/services/+/suspend" {
  capabilities = ["update"]
}
path "ramp/revoke" {
  capabilities = ["update"]
}
path "sys/leases/revoke-prefix/ramp/creds/*" {
  capabilities = ["update", "sudo"]
}
# What expires, who uses what, what is refused, who can reach whom.
path "ramp/report/*" {
  capabilities = ["read"]
}
