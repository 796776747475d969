package backend

import (
	"context"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/endpoint"
)

type healthResponse struct {
	Version string `json:"version" doc:"Version of the plugin."`
	State   string `json:"state" doc:"serving, or unconfigured while no issuer is set."`
	Panics  uint64 `json:"panics" doc:"Requests that hit a defect of the plugin since it started."`

	Ledger        string `json:"ledger" doc:"on, off or damaged."`
	LedgerLag     int64  `json:"ledger_lag" doc:"Seconds since the oldest entry happened that is not durable yet."`
	LedgerWaiting int    `json:"ledger_waiting" doc:"Entries that are not durable yet."`
	LedgerSkipped uint64 `json:"ledger_skipped" doc:"Entries that found no room since the plugin started. Leases bring back those of credentials."`
}

func (b *backend) pathHealth() endpoint.Path {
	return endpoint.Path{
		Pattern:  "health",
		Suffix:   "health",
		Synopsis: "Version and serving state.",
		Help:     "Needs no token, and says nothing about callers, services or contracts.",
		Read: endpoint.Handle("Read version and serving state.", func(context.Context, *endpoint.Call, *endpoint.None) (*healthResponse, error) {
			state := "serving"
			if b.config.Load().Issuer == "" {
				state = "unconfigured"
			}
			resp := &healthResponse{Version: b.RunningVersion, State: state, Panics: b.panics.Load(), Ledger: b.config.Load().Ledger}
			is := b.journal.Status()
			if is.Damage != nil {
				resp.Ledger = "damaged"
			}
			resp.LedgerLag, resp.LedgerWaiting, resp.LedgerSkipped = int64(is.Lag/time.Second), is.Waiting, is.Skipped
			return resp, nil
		}),
	}
}
