# The workload orders gets credentials of its own contract, and nothing else.
path "ramp/creds/orders-to-payments" {
  capabilities = ["read", "update"]
}
