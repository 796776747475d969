# Services and contracts with Terraform or OpenTofu, for those who keep everything there.
# ramp plan and apply say more: what grows, what shrinks, and whose credentials die.

terraform {
  required_providers {
    vault = {
      source  = "hashicorp/vault"
      version = ">= 4.0"
    }
  }
}

variable "mount" {
  type    = string
  default = "ramp"
}

variable "issuer" {
  type        = string
  description = "URL under which verifiers reach the mount: https://vault.example.com:8200/v1/ramp"
}

resource "vault_mount" "ramp" {
  path = var.mount
  type = "vault-plugin-secrets-ramp"
}

resource "vault_generic_endpoint" "config" {
  path                 = "${vault_mount.ramp.path}/config"
  disable_delete       = true
  ignore_absent_fields = true
  data_json = jsonencode({
    issuer = var.issuer
  })
}

# Durations are seconds and lists are sorted, as the engine gives them back: so that a
# second plan finds no change. A field that is taken out here keeps its value: set it to null.
resource "vault_generic_endpoint" "payments" {
  depends_on           = [vault_generic_endpoint.config]
  path                 = "${vault_mount.ramp.path}/services/payments"
  ignore_absent_fields = true
  data_json = jsonencode({
    audience   = "https://payments.internal"
    scopes     = ["invoices:read", "invoices:write"]
    max_ttl    = 3600
    revocation = "status"
    owner      = "team-payments"
  })
}

resource "vault_generic_endpoint" "orders_to_payments" {
  depends_on           = [vault_generic_endpoint.payments]
  path                 = "${vault_mount.ramp.path}/roles/orders-to-payments"
  ignore_absent_fields = true
  data_json = jsonencode({
    service            = "payments"
    scopes             = ["invoices:read"]
    bound_entity_names = ["orders"]
    ttl                = 300
    max_ttl            = 1800
    conditions = [
      { name = "weekday", expression = "request.time.getDayOfWeek() in [1, 2, 3, 4, 5]" },
    ]
    metadata = {
      managed_by = "terraform"
    }
  })
}
