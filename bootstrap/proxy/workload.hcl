# A proxy beside the workload orders, which calls http://127.0.0.1:9001/invoices/7 and needs to know no token.
#
#   ramp proxy -config=workload.hcl
#
# Run it as the user of the workload. Change the addresses, the paths and the contract to yours.

vault {
  address    = "https://vault.example.com:8200"
  token_file = "/run/ramp/vault-token" # the sink of a Vault Agent; or let the proxy log in, see service.hcl
}

egress "payments" {
  listen   = "127.0.0.1:9001" # or "unix:/run/ramp/payments.sock"
  upstream = "https://payments.internal:8443"
  role     = "orders-to-payments"
  proof    = "dpop" # a stolen token is of no use; where the service takes none: "none"
}

egress "stock" {
  listen   = "127.0.0.1:9002"
  upstream = "https://stock.internal"
  role     = "orders-to-stock"
  scopes   = ["items:read"] # fewer than the contract grants
}

admin {
  listen = "127.0.0.1:9101"
}
