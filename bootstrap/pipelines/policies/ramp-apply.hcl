# What ramp apply needs: to write services and contracts. For the main branch alone.
# A + is one name, so that nothing below it is allowed: no suspend, no consent.
path "ramp/config" {
  capabilities = ["read"]
}
path "ramp/services/" {
  capabilities = ["list"]
}
path "ramp/services/+" {
  capabilities = ["create", "read", "update", "delete"]
}
path "ramp/roles/" {
  capabilities = ["list"]
}
path "ramp/roles/+" {
  capabilities = ["create", "read", "update", "delete"]
}
