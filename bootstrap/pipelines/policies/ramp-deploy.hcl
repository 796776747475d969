# What ramp deploy needs. For releases.
path "ramp/roles/+/deploy" {
  capabilities = ["update"]
}
