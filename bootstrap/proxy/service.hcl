# A proxy in front of the service payments: it lets through what contracts allow, and tells the service who calls.
#
#   ramp proxy -config=service.hcl -check
#   ramp proxy -config=service.hcl
#
# Change the addresses, the paths and the routes to yours. docs/proxy.md has every setting.

issuer   = "https://vault.example.com:8200/v1/ramp"
audience = "https://payments.internal"

# To report evidence, by which contracts ramp up and down. Leave it out if no contract does: verifying needs no login.
vault {
  address = "https://vault.example.com:8200"

  auth "approle" {
    role_id_file   = "/etc/ramp/role-id"
    secret_id_file = "/etc/ramp/secret-id"
  }
}

ingress {
  listen   = "0.0.0.0:8443"
  upstream = "http://127.0.0.1:8080" # where nobody else reaches the service

  tls {
    cert_file = "/etc/ramp/payments.pem" # read again when it changes
    key_file  = "/etc/ramp/payments-key.pem"
  }

  route "GET /invoices/{id}" { scopes = ["invoices:read"] }
  route "POST /invoices" { scopes = ["invoices:write"] }
  route "POST /tenants/{tenant}/{rest...}" {
    scopes    = ["invoices:write"]
    condition = "path.tenant == identity.caller"
  }
  route "GET /healthz" { public = true }

  access_log {
    path      = "/var/log/ramp/access.log"
    when_full = "drop" # or "wait": requests wait for a slow or full disk rather than go unlogged
  }
}

admin {
  listen = "127.0.0.1:9100" # /healthz, /readyz, /metrics
}
