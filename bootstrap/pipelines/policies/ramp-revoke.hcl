# What ramp revoke -token needs: to kill a token that one holds in hand.
path "ramp/revoke" {
  capabilities = ["update"]
}
