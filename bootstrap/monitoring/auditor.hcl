# Who reads reports: auditors, on-call, `ramp report` and `ramp graph`.
path "ramp/report/*" {
  capabilities = ["read"]
}
