# A Vault Agent that logs in with a JWT that the platform gives the workload (a CI job's identity token, a
# Kubernetes service account token, a SPIFFE JWT-SVID) and keeps a fresh Ramp token in a file.
#
#   vault agent -config=jwt.hcl
#
# Run it as the user of the workload, for nobody else can read what it writes. Change the address, the directories,
# the role of the jwt auth method and the contract in token.ctmpl to yours. /run/ramp must exist, belong to that
# user and be closed to others; it should be in memory.

vault {
  address = "https://vault.example.com:8200" # the environment variable VAULT_ADDR, when set, wins
}

auto_auth {
  # The login token is the parent of every lease: when it ends, the leases of its credentials are revoked. So give
  # the role a token_ttl that the agent can renew, and a token_max_ttl above the max_ttl of the contract.
  method "jwt" {
    mount_path = "auth/jwt"

    # Also how long the agent pauses between attempts while Vault is away.
    min_backoff = "1s"
    max_backoff = "30s"

    config = {
      path = "/etc/ramp/identity.jwt"
      role = "orders"

      # Kept: the platform replaces the file, and the agent needs it again when its login token has ended.
      remove_jwt_after_reading = false
    }
  }

  # The login token, for the workload's other requests to Vault. Leave the sink out if there are none.
  sink "file" {
    config = {
      path = "/run/ramp/vault-token"
      mode = 0600
    }
  }
}

template_config {
  # Vault may be away for longer than the agent's retries last: go on trying, whoever supervises the agent.
  exit_on_retry_failure = false

  # Credentials of a service with revocation=expiry cannot be renewed; the agent fetches the next one when this part
  # of the lease is over. Those of a service with revocation=status are renewed until their max_ttl is near.
  lease_renewal_threshold = 0.8
}

# The file is replaced by a rename: whoever reads it sees the old token or the new one, never a part.
template {
  source               = "/etc/ramp/token.ctmpl"
  destination          = "/run/ramp/token"
  perms                = "0400"
  error_on_missing_key = true
}
