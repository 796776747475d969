package backend

import (
	"context"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/endpoint"
)

type healthResponse struct {
	Version string `json:"version" doc:"Version of the plugin."`
	State   string `json:"state" doc:"serving, or unconfigured while no issuer is set."`
	Panics  uint64 `json:"panics" doc:"Requests that hit a defect of the plugin since it started."`
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
			return &healthResponse{b.RunningVersion, state, b.panics.Load()}, nil
		}),
	}
}
