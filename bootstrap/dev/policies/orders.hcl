# The workload orders gets credentials of its own contract, and nothing else.
path "ramp/creds/orders-to-payments" {
  capabilities = ["read", "update"]
}
# It may ask why it is refused. Asking about others, or "what if", is for operators.
path "ramp/explain/orders-to-payments" {
  capabilities = ["update"]
  denied_parameters = {
    "caller"         = []
    "contract"       = []
    "time"           = []
    "remote_address" = []
  }
}
